import type { ReactNode } from 'react'
import styles from './Notice.module.css'

interface NoticeProps {
  kind: 'empty' | 'error' | 'loading'
  title: string
  children?: ReactNode
  action?: ReactNode
  /** Whether it is all that the page has. */
  isPage?: boolean
}

/** Fills a page or panel that has nothing to show: why, and what to do. */
export function Notice({ kind, title, children, action, isPage = false }: NoticeProps) {
  const Heading = isPage ? 'h1' : 'h2'
  return (
    <div className={`${styles.notice ?? ''} ${styles[kind] ?? ''}`} role={kind === 'error' ? 'alert' : 'status'}>
      <Heading>{title}</Heading>
      {children !== undefined && <div className={styles.words}>{children}</div>}
      {action}
    </div>
  )
}
