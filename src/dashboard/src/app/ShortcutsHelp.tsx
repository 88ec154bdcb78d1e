import { Dialog } from '../components/Dialog.tsx'
import { PALETTE_KEYS } from '../components/usePaletteKey.ts'
import { enableShortcuts, useShortcutsEnabled } from '../components/useShortcuts.ts'
import { messages, type Messages } from '../messages/messages.ts'
import styles from './ShortcutsHelp.module.css'

const KEYS: [keys: string[], action: keyof Messages['app']['keyNames']][] = [
  [['/'], 'filter'],
  [['j'], 'next'],
  [['k'], 'previous'],
  [['Enter'], 'open'],
  [['x'], 'select'],
  [['X'], 'selectRange'],
  [['.'], 'actions'],
  [['n'], 'showNew'],
  [['g', 'o'], 'overview'],
  [['e'], 'firstError'],
  [['g', 'l'], 'list'],
  [PALETTE_KEYS, 'palette'],
  [['?'], 'help'],
]

/** The dialog that lists the keyboard shortcuts and turns them on and off. */
export function ShortcutsHelp({ onClose }: { onClose: () => void }) {
  const isEnabled = useShortcutsEnabled()

  return (
    <Dialog title={messages.app.shortcuts} className={styles.dialog ?? ''} onClose={onClose}>
      <dl className={styles.keys}>
        {KEYS.map(([keys, action]) => (
          <div key={action}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{messages.app.keyNames[action]}</dd>
          </div>
        ))}
      </dl>
      <label className={styles.switch}>
        <input type="checkbox" checked={isEnabled} onChange={(event) => enableShortcuts(event.target.checked)} />
        {messages.app.shortcutsEnabled}
      </label>
    </Dialog>
  )
}
