import type { RefObject } from 'react'
import { Button } from '../components/Button.tsx'
import { enableShortcuts, useShortcutsEnabled } from '../components/useShortcuts.ts'
import { messages, type Messages } from '../messages/messages.ts'
import styles from './ShortcutsHelp.module.css'

const KEYS: [keys: string[], action: keyof Messages['app']['keyNames']][] = [
  [['/'], 'filter'],
  [['j'], 'next'],
  [['k'], 'previous'],
  [['Enter'], 'open'],
  [['n'], 'showNew'],
  [['g', 'l'], 'list'],
  [['?'], 'help'],
]

/**
 * The dialog that lists the keyboard shortcuts and turns them on and off.
 *
 * Whether it is open is no state of React: the event `close` fires some time after the dialog has closed, and a key that is
 * pressed in between would not open it again.
 */
export function ShortcutsHelp({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  const isEnabled = useShortcutsEnabled()

  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby="shortcuts">
      <h2 id="shortcuts">{messages.app.shortcuts}</h2>
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
      <Button onClick={() => dialog.current?.close()}>{messages.app.close}</Button>
    </dialog>
  )
}
