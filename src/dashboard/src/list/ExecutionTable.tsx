import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { Icon } from '../components/Icon.tsx'
import { useMediaQuery } from '../components/useMediaQuery.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { fitColumns, infoOf, nameColumn, type Column } from '../model/columns.ts'
import { executionPath } from '../model/paths.ts'
import type { Recoveries } from '../model/retries.ts'
import type { Rows } from '../model/rows.ts'
import type { SortField, SortKey } from '../model/sorting.ts'
import type { Density } from '../model/view.ts'
import { ExecutionRow } from './ExecutionRow.tsx'
import styles from './ExecutionTable.module.css'
import type { Execution } from './operations.ts'

/** Where a list was left. */
export interface Place {
  top: number
  selected: string | null
}

interface ExecutionTableProps {
  rows: Rows<Execution>
  recoveries: Recoveries
  hasMore: boolean
  columns: readonly Column[]
  density: Density
  order: readonly SortKey[]
  /** The scroll position and the selected row, which are kept while another page is open. */
  place: Place
  onSort: (field: SortField) => void
  onLoadMore: () => void
}

// In pixels; as --row in styles/tokens.css at 16 pixels a rem.
const HEIGHTS: Record<Density, number> = { comfortable: 36, compact: 28 }
const CARD_HEIGHT = 62
// Rows before the end at which the next page is loaded, so that scrolling does not have to wait for it.
const LOAD_AHEAD = 40

/** The table of executions: it renders the visible rows alone, and loads the next page before the end is reached. */
export function ExecutionTable(props: ExecutionTableProps) {
  const { rows, recoveries, hasMore, density, order, place, onSort, onLoadMore } = props
  const isNarrow = useMediaQuery('(max-width: 640px)')
  const scroller = useRef<HTMLDivElement>(null)
  const [selected, setSelected] = useState(place.selected)
  const [, navigate] = useLocation()
  const height = isNarrow ? CARD_HEIGHT : HEIGHTS[density]
  const all = rows.rows

  // eslint-disable-next-line react-hooks/incompatible-library -- nothing that it returns is passed to memoised components
  const virtual = useVirtualizer({
    count: all.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 10,
    initialOffset: place.top,
    getItemKey: (index) => all[index]?.executionId ?? index,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0

  useEffect(() => virtual.measure(), [virtual, height])
  useLayoutEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = place.top
  }, [place])
  // Back from the page of an execution, its row has the focus again, as soon as it is rendered.
  const returnsTo = useRef(place.selected)
  useEffect(() => {
    if (returnsTo.current === null) return
    const at = all.findIndex((row) => row.executionId === returnsTo.current)
    const link = scroller.current?.querySelector<HTMLElement>('[aria-current] a')
    if (at >= 0 && !link) {
      virtual.scrollToIndex(at)
      return
    }
    link?.focus({ preventScroll: true })
    link?.scrollIntoView({ block: 'nearest' })
    returnsTo.current = null
  })
  useEffect(() => {
    if (hasMore && last >= all.length - LOAD_AHEAD) onLoadMore()
  }, [hasMore, last, all.length, onLoadMore])

  const open = useCallback((id: string) => navigate(executionPath(id)), [navigate])
  // Not in an effect: a click selects a row and leaves the list at once.
  const select = useCallback(
    (id: string | null) => {
      place.selected = id
      setSelected(id)
    },
    [place],
  )
  const move = (by: number): void => {
    const at = all.findIndex((row) => row.executionId === selected)
    const next = Math.max(0, Math.min(all.length - 1, at < 0 ? (items[0]?.index ?? 0) : at + by))
    select(all[next]?.executionId ?? null)
    virtual.scrollToIndex(next)
  }
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    Enter: () => {
      if (selected !== null) open(selected)
    },
  })

  const width = virtual.scrollRect?.width ?? window.innerWidth
  const columns = isNarrow ? props.columns : fitColumns(props.columns, width, order[0]?.field)
  const template = useMemo(() => columns.map((column) => infoOf(column).width).join(' '), [columns])
  return (
    <div
      className={styles.scroller}
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label="Executions"
      onScroll={(event) => {
        place.top = event.currentTarget.scrollTop
      }}
    >
      <div
        className={isNarrow ? styles.cards : styles.table}
        role="table"
        aria-label="Executions"
        aria-rowcount={hasMore ? -1 : all.length + 1}
        style={{ '--columns': template, '--height': `${height}px` } as React.CSSProperties}
      >
        <div className={styles.head} role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <ColumnHeader key={column} column={column} order={order} onSort={onSort} />
          ))}
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {items.map(({ index, start, key }) => {
            const row = all[index]
            return row === undefined ? null : (
              <ExecutionRow
                key={key}
                row={row}
                index={index}
                top={start}
                columns={columns}
                recoveredBy={recoveries.get(row.executionId) ?? null}
                isSelected={row.executionId === selected}
                isLeaving={rows.leaving.has(row.executionId)}
                onOpen={open}
                onSelect={select}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

interface ColumnHeaderProps {
  column: Column
  order: readonly SortKey[]
  onSort: (field: SortField) => void
}

function ColumnHeader({ column, order, onSort }: ColumnHeaderProps) {
  const { sort, isNumber } = infoOf(column)
  const title = nameColumn(column)
  const [first] = order
  const direction = sort !== undefined && first?.field === sort ? first.direction : null
  return (
    <div
      role="columnheader"
      className={isNumber ? styles.number : undefined}
      data-column={column}
      aria-sort={direction === null ? undefined : direction === 'ASC' ? 'ascending' : 'descending'}
    >
      {sort === undefined ? (
        <span>{title}</span>
      ) : (
        <button type="button" onClick={() => onSort(sort)}>
          {title}
          {direction !== null && (
            <span data-direction={direction}>
              <Icon name="up" />
            </span>
          )}
        </button>
      )}
    </div>
  )
}
