import { useState } from 'react'
import { messages } from '../messages/messages.ts'
import styles from './Chart.module.css'

interface ChartTableProps {
  /** The name of the chart. */
  name: string
  head: readonly string[]
  /** The cells of each row, rendered when the table is opened. */
  rows: () => readonly (readonly string[])[]
}

/** What a chart shows as a table, which is opened below it. */
export function ChartTable({ name, head, rows }: ChartTableProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details className={styles.table} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{messages.charts.asTable(name)}</summary>
      {isOpen && (
        // No landmark: a page may have many charts of one name.
        <div role="group" aria-label={messages.charts.asTable(name)} tabIndex={0}>
          <table>
            <thead>
              <tr>
                {head.map((each) => (
                  <th key={each} scope="col">
                    {each}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows().map(([first = '', ...cells]) => (
                <tr key={first}>
                  <th scope="row">{first}</th>
                  {cells.map((cell, index) => (
                    // A cell is identified by its column.
                    <td key={index}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
