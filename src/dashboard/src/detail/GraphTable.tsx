import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { messages } from '../messages/messages.ts'
import { neighbours, type StepGraph } from '../model/stepGraph.ts'
import type { StepRow } from '../model/stepRows.ts'
import styles from './GraphTable.module.css'
import type { Step } from './operations.ts'
import type { Select } from './useSelection.ts'

interface GraphTableProps {
  rows: readonly StepRow<Step>[]
  graph: StepGraph
  selected: string | null
  select: Select
}

// In pixels; as in GraphTable.module.css.
const ROW_HEIGHT = 32
// Names that fit into a cell; the panel of the step has all.
const MAX_NAMES = 20

/** The dependencies of steps as a table of any length. */
export function GraphTable({ rows, graph, selected, select }: GraphTableProps) {
  const text = messages.detail.graph
  const scroller = useRef<HTMLDivElement>(null)
  const names = useMemo(() => new Map(rows.map((row) => [row.key, row.latest.name])), [rows])
  const dependencies = useMemo(() => neighbours(graph, 'dependencies'), [graph])
  const dependents = useMemo(() => neighbours(graph, 'dependents'), [graph])
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing that it returns is passed to memoised components
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 20,
  })
  const nameAll = (stepIds: readonly string[] = []): string =>
    stepIds
      .slice(0, MAX_NAMES)
      .map((stepId) => names.get(stepId) ?? stepId)
      .join(', ') + (stepIds.length > MAX_NAMES ? ' …' : '')
  return (
    <div className={styles.scroller} ref={scroller} tabIndex={0} role="region" aria-label={text.table}>
      <div className={styles.table} role="table" aria-label={text.label} aria-rowcount={rows.length + 1}>
        <div role="rowgroup" className={styles.head}>
          <div role="row" className={styles.row} aria-rowindex={1}>
            {[text.step, text.status, text.dependsOn, text.neededBy].map((name) => (
              <span key={name} role="columnheader">
                {name}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index]
            return row === undefined ? null : (
              <div
                key={row.key}
                role="row"
                className={styles.row}
                aria-rowindex={index + 2}
                style={{ transform: `translateY(${start}px)` }}
              >
                <span role="rowheader">
                  <button
                    type="button"
                    aria-pressed={row.key === selected}
                    onClick={() => select({ step: row.key === selected ? null : row.key })}
                  >
                    {row.latest.name}
                  </button>
                </span>
                <span role="cell">
                  <StatusBadge status={row.latest.status} />
                </span>
                <span role="cell">{nameAll(dependencies.get(row.key))}</span>
                <span role="cell">{nameAll(dependents.get(row.key))}</span>
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}
