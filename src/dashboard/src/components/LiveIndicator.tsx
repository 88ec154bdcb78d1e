import { describeLive, type LiveStatus } from '../model/reconnection.ts'
import styles from './LiveIndicator.module.css'

/** How the page hears of changes, and how late, at all times. */
export function LiveIndicator({ status, behindSeconds }: { status: LiveStatus; behindSeconds: number }) {
  const { tone, name, meaning } = describeLive(status, behindSeconds)
  return (
    <span className={`${styles.indicator ?? ''} ${styles[tone] ?? ''}`} role="status" title={meaning}>
      <span className={styles.dot} aria-hidden="true" />
      {name}
    </span>
  )
}
