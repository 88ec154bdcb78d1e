import { Link } from 'wouter'
import { Notice } from '../components/Notice.tsx'
import { messages } from '../messages/messages.ts'
import { CONNECT_PATH } from '../model/paths.ts'
import styles from './ListPage.module.css'

/** The list of an empty database: how to get executions into it. */
export default function GettingStarted() {
  const { start } = messages.list
  return (
    <Notice kind="empty" title={messages.list.none}>
      <p>{start.intro}</p>
      <ol className={styles.steps}>
        <li>
          <strong>{start.tryTitle}</strong> {start.try}
          <code>execution-monitor simulate</code>
        </li>
        <li>
          <strong>{start.loadTitle}</strong> {start.load}
          <code>execution-monitor load run.json --user you</code>
        </li>
        <li>
          <strong>{start.connectTitle}</strong> {start.connect} <Link href={CONNECT_PATH}>{start.connectLink}</Link>
        </li>
      </ol>
    </Notice>
  )
}
