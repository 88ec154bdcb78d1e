import { describeLive, type LiveStatus } from '../model/liveStatus.ts'
import styles from './LiveIndicator.module.css'

/** How changes reach the page, and how far behind it is. */
export function LiveIndicator({ status, behindSeconds }: { status: LiveStatus; behindSeconds: number }) {
  const { tone, name, meaning } = describeLive(status, behindSeconds)
  return (
    <span className={`${styles.indicator ?? ''} ${styles[tone] ?? ''}`} role="status" title={meaning}>
      <span className={styles.dot} aria-hidden="true" />
      {name}
    </span>
  )
}
