import { messages } from '../messages/messages.ts'
import type { Column } from '../model/columns.ts'
import styles from './ListPage.module.css'

/** Placeholder rows while the list loads. */
export function Skeleton({ columns }: { columns: readonly Column[] }) {
  return (
    <div role="status" className={styles.skeleton}>
      <span className="visually-hidden">{messages.list.loading}</span>
      {Array.from({ length: 14 }, (_, row) => (
        <div key={row} aria-hidden="true">
          {columns.map((column) => (
            <span key={column} />
          ))}
        </div>
      ))}
    </div>
  )
}
