import type { ReactNode } from 'react'
import { messages } from '../messages/messages.ts'
import styles from './OverviewPage.module.css'

interface CardProps {
  title: string
  hint?: string
  /** What it says where it has no rows. */
  empty: string
  /** Why it could not be read. */
  error?: string | null
  /** Its rows; null until they have been read. */
  rows: readonly ReactNode[] | null
}

/** A part of the overview: a title and a few rows. */
export function Card({ title, hint, empty, error = null, rows }: CardProps) {
  return (
    <section className={styles.card} aria-label={title}>
      <div className={styles.head}>
        <h2>{title}</h2>
        {hint !== undefined && <span className={styles.hint}>{hint}</span>}
      </div>
      {error !== null && (
        <p className={styles.problem} role="alert">
          {error}
        </p>
      )}
      {rows === null ? (
        error === null && <p className={styles.hint}>{messages.app.loading}</p>
      ) : rows.length === 0 ? (
        <p className={styles.hint}>{empty}</p>
      ) : (
        <ul className={styles.rows}>{rows}</ul>
      )}
    </section>
  )
}
