import {
  lazy,
  Suspense,
  useCallback,
  useDeferredValue,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useLocation } from 'wouter'
import { Icon } from '../components/Icon.tsx'
import { useMediaQuery } from '../components/useMediaQuery.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useWidth } from '../components/useWidth.ts'
import { messages } from '../messages/messages.ts'
import { fitColumns, infoOf, nameColumn, widthOf, withSortedTime, type Column } from '../model/columns.ts'
import type { Filter } from '../model/filter.ts'
import { executionPath } from '../model/paths.ts'
import type { Recoveries } from '../model/retries.ts'
import type { Rows } from '../model/rows.ts'
import { extendTo, toggleAll, toggleOne, type Selection } from '../model/selection.ts'
import type { SortField, SortKey } from '../model/sorting.ts'
import type { Density } from '../model/view.ts'
import { ExecutionRow } from './ExecutionRow.tsx'
import styles from './ExecutionTable.module.css'
import type { Execution } from './operations.ts'
import type { Place } from './snapshot.ts'
import { useFixedRows } from './useFixedRows.ts'

// Neither is needed to look at the list.
const CellActions = lazy(() => import('./CellActions.tsx'))
const RowMenu = lazy(() => import('./RowMenu.tsx'))

interface ExecutionTableProps {
  rows: Rows<Execution>
  recoveries: Recoveries
  hasMore: boolean
  columns: readonly Column[]
  density: Density
  order: readonly SortKey[]
  /** The scroll position and the selected row, which are kept while another page is open. */
  place: Place
  onPlace: (changes: Partial<Place>) => void
  /** What the actions of cells change. */
  filter: Filter
  onFilter: (filter: Filter) => void
  /** The rows that are chosen to do something with. */
  selection: Selection
  onSelection: (change: (selection: Selection) => Selection) => void
  onSort: (field: SortField) => void
  onLoadMore: () => void
}

// In pixels; as --row in styles/tokens.css at 16 pixels a rem.
const HEIGHTS: Record<Density, number> = { comfortable: 36, compact: 28 }
const CARD_HEIGHT = 62
// Of the box that chooses a row, with the gap behind it.
const CHOICE_WIDTH = 32
// Rows before the end at which the next page is loaded, so that scrolling does not have to wait for it.
const LOAD_AHEAD = 40

/** The table of executions: it renders the visible rows alone, and loads the next page before the end is reached. */
export function ExecutionTable(props: ExecutionTableProps) {
  const { recoveries, hasMore, density, order, place, selection } = props
  const { onPlace, onSort, onLoadMore, onSelection } = props
  // Where many change at once, they are rendered in slices, between which the page reacts.
  const rows = useDeferredValue(props.rows)
  const isNarrow = useMediaQuery('(max-width: 640px)')
  const scroller = useRef<HTMLDivElement>(null)
  const width = useWidth(scroller)
  const [selected, setSelected] = useState(place.selected)
  const [hasPointer, setHasPointer] = useState(false)
  // The row whose menu a key opens, as soon as it is loaded; a new object each time.
  const [opened, setOpened] = useState<{ id: string } | null>(null)
  const [, navigate] = useLocation()
  const height = isNarrow ? CARD_HEIGHT : HEIGHTS[density]
  const all = rows.rows

  // Before the rows to render are found.
  useLayoutEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = place.top
  }, [place])
  const { visible, rendered, show } = useFixedRows(scroller, all.length, height)

  // Back from the page of an execution, its row has the focus again, as soon as it is rendered.
  const returnsTo = useRef(place.selected)
  useEffect(() => {
    if (returnsTo.current === null) return
    const at = all.findIndex((row) => row.executionId === returnsTo.current)
    const link = scroller.current?.querySelector<HTMLElement>('[aria-current] a')
    if (at >= 0 && !link) {
      show(at)
      return
    }
    link?.focus({ preventScroll: true })
    link?.scrollIntoView({ block: 'nearest' })
    returnsTo.current = null
  })
  useEffect(() => {
    if (hasMore && rendered.end > all.length - LOAD_AHEAD) onLoadMore()
  }, [hasMore, rendered.end, all.length, onLoadMore])

  const open = useCallback((id: string) => navigate(executionPath(id)), [navigate])
  // Not in an effect: a click selects a row and leaves the list at once.
  const select = useCallback(
    (id: string | null) => {
      onPlace({ selected: id })
      setSelected(id)
      setOpened(null)
    },
    [onPlace],
  )
  const ids = useMemo(() => all.map((row) => row.executionId), [all])
  const choose = useCallback(
    (id: string, isRange: boolean) => {
      select(id)
      onSelection((before) => (isRange ? extendTo(before, id, ids) : toggleOne(before, id)))
    },
    [select, onSelection, ids],
  )
  const move = (by: number): void => {
    const at = all.findIndex((row) => row.executionId === selected)
    const next = Math.max(0, Math.min(all.length - 1, at < 0 ? visible.first : at + by))
    select(all[next]?.executionId ?? null)
    show(next)
  }
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    Enter: () => {
      if (selected !== null) open(selected)
    },
    x: () => {
      if (selected !== null) choose(selected, false)
    },
    '.': () => {
      if (selected !== null) setOpened({ id: selected })
    },
    X: () => {
      if (selected !== null) choose(selected, true)
    },
  })

  const sortField = order[0]?.field
  const wanted = withSortedTime(props.columns, sortField)
  const columns = isNarrow ? wanted : fitColumns(wanted, width - CHOICE_WIDTH, sortField)
  const template = ['1rem', ...columns.map((column) => infoOf(column).width)].join(' ')
  return (
    <div
      className={styles.scroller}
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={messages.list.title}
      onPointerEnter={() => setHasPointer(true)}
      onScroll={(event) => {
        onPlace({ top: event.currentTarget.scrollTop })
      }}
    >
      <div
        className={isNarrow ? styles.cards : styles.table}
        role="table"
        aria-label={messages.list.title}
        aria-rowcount={hasMore ? -1 : all.length + 1}
        style={
          {
            '--columns': template,
            '--height': `${height}px`,
            '--least': `${widthOf(columns) + CHOICE_WIDTH}px`,
          } as React.CSSProperties
        }
      >
        <div className={styles.head} role="row" aria-rowindex={1}>
          <div role="columnheader" className={styles.choice}>
            <AllBox
              count={selection.ids.size === 0 ? 0 : ids.filter((id) => selection.ids.has(id)).length}
              of={ids.length}
              onToggle={() => onSelection((before) => toggleAll(before, ids))}
            />
          </div>
          {columns.map((column) => (
            <ColumnHeader key={column} column={column} order={order} onSort={onSort} />
          ))}
        </div>
        <div role="rowgroup" style={{ height: all.length * height, position: 'relative' }}>
          {all.slice(rendered.first, rendered.end).map((row, at) => {
            const index = rendered.first + at
            return (
              <ExecutionRow
                key={row.executionId}
                row={row}
                index={index}
                top={index * height}
                columns={columns}
                recoveredBy={recoveries.get(row.executionId) ?? null}
                isSelected={row.executionId === selected}
                isChosen={selection.ids.has(row.executionId)}
                isLeaving={rows.leaving.has(row.executionId)}
                onOpen={open}
                onSelect={select}
                onChoose={choose}
                menu={
                  row.executionId === selected && !isNarrow ? (
                    <Suspense fallback={null}>
                      <RowMenu
                        row={row}
                        filter={props.filter}
                        onFilter={props.onFilter}
                        opens={opened?.id === row.executionId ? opened : null}
                      />
                    </Suspense>
                  ) : null
                }
              />
            )
          })}
        </div>
      </div>
      {hasPointer && (
        <Suspense fallback={null}>
          <CellActions scroller={scroller} rows={all} filter={props.filter} onFilter={props.onFilter} />
        </Suspense>
      )}
    </div>
  )
}

/** The box that chooses all rows, or none. */
function AllBox({ count, of, onToggle }: { count: number; of: number; onToggle: () => void }) {
  return (
    <label>
      <input
        type="checkbox"
        ref={(box) => {
          if (box !== null) box.indeterminate = count > 0 && count < of
        }}
        checked={count === of}
        aria-label={messages.list.selectAll}
        onChange={onToggle}
      />
    </label>
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
