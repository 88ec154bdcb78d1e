import records from '../components/records.module.css'
import { Connect } from '../connect/Connect.tsx'
import { messages } from '../messages/messages.ts'
import styles from './ListPage.module.css'

/** The list of an empty database: how to connect an engine, or to begin without one. */
export default function GettingStarted() {
  const { start } = messages.list
  return (
    <div className={`${records.page ?? ''} ${styles.start ?? ''}`}>
      <header>
        <h2>{messages.list.none}</h2>
        <p className={records.faint}>{start.intro}</p>
      </header>
      <Connect />
      <ul className={styles.steps} aria-label={start.without}>
        <li>
          <strong>{start.tryTitle}</strong> {start.try}
          <code>execution-monitor simulate</code>
        </li>
        <li>
          <strong>{start.loadTitle}</strong> {start.load}
          <code>execution-monitor load run.json --user you</code>
        </li>
      </ul>
    </div>
  )
}
