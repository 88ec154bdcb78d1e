import type { RefObject } from 'react'
import { Button } from '../components/Button.tsx'
import { switchShortcuts, useShortcutsOn } from '../components/useShortcuts.ts'
import styles from './ShortcutsHelp.module.css'

const KEYS: [keys: string[], what: string][] = [
  [['/'], 'Filter'],
  [['j'], 'Next execution'],
  [['k'], 'Previous execution'],
  [['Enter'], 'Open it'],
  [['n'], 'Let new executions in'],
  [['g', 'l'], 'Go to the list'],
  [['?'], 'Show this'],
]

/**
 * What keys do, and a switch for them, in a dialog that waits to be shown. It alone knows whether it is open: its event
 * `close` comes later than it has closed, and whoever counted on that would lose the key that asks for it again.
 */
export function ShortcutsHelp({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  const isOn = useShortcutsOn()

  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby="shortcuts">
      <h2 id="shortcuts">Keys</h2>
      <dl className={styles.keys}>
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label className={styles.switch}>
        <input type="checkbox" checked={isOn} onChange={(event) => switchShortcuts(event.target.checked)} />
        Single keys do this
      </label>
      <Button onClick={() => dialog.current?.close()}>Close</Button>
    </dialog>
  )
}
