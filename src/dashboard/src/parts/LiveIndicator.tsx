import type { LiveStatus } from '../model/transport.ts'
import styles from './LiveIndicator.module.css'

const WORDS: Record<LiveStatus, [name: string, meaning: string]> = {
  connecting: ['Connecting', 'The page is asking to be told of changes.'],
  live: ['Live', 'Changes appear as they happen.'],
  reconnecting: ['Reconnecting', 'The connection was lost. When it is back, the page catches up: nothing is missed.'],
  behind: ['Behind', 'More happens than arrives in time; the page is catching up.'],
  polling: ['Polling', 'No lasting connection can be made; the page asks every few seconds.'],
}

/** How the page hears of changes, at all times. */
export function LiveIndicator({ status }: { status: LiveStatus }) {
  const [name, meaning] = WORDS[status]
  return (
    <span className={`${styles.indicator ?? ''} ${styles[status] ?? ''}`} role="status" title={meaning}>
      <span className={styles.dot} aria-hidden="true" />
      {name}
    </span>
  )
}
