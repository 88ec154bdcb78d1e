import type { ReactNode } from 'react'
import styles from './Notice.module.css'

interface NoticeProps {
  kind: 'empty' | 'error' | 'loading'
  title: string
  children?: ReactNode
  action?: ReactNode
}

/** Fills a page or panel that has nothing to show: why, and what to do. */
export function Notice({ kind, title, children, action }: NoticeProps) {
  return (
    <div className={`${styles.notice ?? ''} ${styles[kind] ?? ''}`} role={kind === 'error' ? 'alert' : 'status'}>
      <h2>{title}</h2>
      {children !== undefined && <div className={styles.words}>{children}</div>}
      {action}
    </div>
  )
}
