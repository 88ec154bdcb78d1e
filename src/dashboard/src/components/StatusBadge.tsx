import { nameStatus, type Status } from '../model/status.ts'
import styles from './StatusBadge.module.css'

// Each status has its own shape, since colour alone is not accessible (WCAG 1.4.1).
const SHAPES: Record<Status, string> = {
  PENDING: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z',
  RUNNING: 'M8 2.5a5.5 5.5 0 0 1 5.5 5.5',
  PAUSED: 'M6 4.5v7M10 4.5v7',
  COMPLETED: 'm3.5 8.5 3 3 6-7',
  FAILED: 'm4 4 8 8m0-8-8 8',
  CANCELLED: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM4.2 11.8l7.6-7.6',
  TIMED_OUT: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 5v3.2l2 1.6',
}

/** The icon of a status, without its name. */
export function StatusIcon({ status }: { status: Status }) {
  return (
    <svg className={`${styles.icon ?? ''} ${styles[status] ?? ''}`} viewBox="0 0 16 16" aria-hidden="true">
      {status === 'RUNNING' && <path className={styles.track} d={SHAPES.PENDING} />}
      <path d={SHAPES[status]} />
    </svg>
  )
}

/** A status as icon, name and colour; `detail` is the engine's own name for it, shown on hover. */
export function StatusBadge({ status, detail }: { status: Status; detail?: string | null }) {
  return (
    <span className={`${styles.badge ?? ''} ${styles[status] ?? ''}`} title={detail ?? undefined}>
      <StatusIcon status={status} />
      {nameStatus(status)}
    </span>
  )
}
