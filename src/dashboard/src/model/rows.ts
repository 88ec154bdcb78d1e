import type { SchemaType } from '../graphql/schemaTypes.ts'
import { compareRows, type Sortable, type SortKey } from './sorting.ts'

/** The fields of an execution that keep a list of them up to date. */
export interface Row extends Sortable {
  executionId: string
  updatedAt: string
}

/** A change of one execution, relative to the filter of the list. */
export interface RowEvent<R extends Row> {
  kind: Exclude<SchemaType<'ExecutionUpdateKind'>, 'GAP'>
  executionId: string
  row: R | null
}

/** The loaded pages of a list, with the changes since they were read. */
export interface Rows<R extends Row> {
  readonly order: readonly SortKey[]
  readonly rows: readonly R[]
  /** Rows that belong to the loaded pages and are not shown yet, by execution id. */
  readonly waiting: ReadonlyMap<string, R>
  /** Ids of rows that are still shown and no longer match. */
  readonly leaving: ReadonlySet<string>
  /**
   * The last row of the last page as it was read: rows after it are not loaded. Null when no page follows, or when the page was
   * cut: then rows that enter are shown wherever they are, since the search may have passed them.
   */
  readonly lastLoaded: R | null
  readonly total: number
  readonly totalIsExact: boolean
}

/** A page of the list. */
export interface Page<R extends Row> {
  rows: readonly R[]
  hasMore: boolean
  /** Whether its search was ended by a time limit, so that it may lack rows. */
  isCut?: boolean
}

/** A list with its first page. */
export function createRows<R extends Row>(
  order: readonly SortKey[],
  page: Page<R>,
  total: number,
  totalIsExact: boolean,
): Rows<R> {
  return {
    order,
    rows: page.rows,
    waiting: new Map(),
    leaving: new Set(),
    lastLoaded: lastLoadedOf(page),
    total,
    totalIsExact,
  }
}

/** `state` with the page after it; rows of the page that are loaded already are updated in place. */
export function appendPage<R extends Row>(state: Rows<R>, page: Page<R>): Rows<R> {
  const onPage = new Map(page.rows.map((row) => [row.executionId, row]))
  const kept = state.rows.map((row) => newest(row, onPage.get(row.executionId)))
  const known = new Set(kept.map((row) => row.executionId))
  const added = page.rows.filter((row) => !known.has(row.executionId))
  const waiting = new Map(state.waiting)
  // A waiting row may be newer than the page: an event may have arrived while the page was being read.
  const rows = [...kept, ...added.map((row) => newest(row, waiting.get(row.executionId)))]
  added.forEach((row) => waiting.delete(row.executionId))
  // Rows that entered after a page that was cut may belong behind those of this page.
  if (state.lastLoaded === null) rows.sort((left, right) => compareRows(left, right, state.order))
  return { ...state, rows, waiting, lastLoaded: lastLoadedOf(page) }
}

/** `state` after `events`: rows change in place, new ones wait, and those that no longer match start to leave. */
export function applyEvents<R extends Row>(state: Rows<R>, events: readonly RowEvent<R>[]): Rows<R> {
  const rows = [...state.rows]
  const indexes = new Map(rows.map((row, index) => [row.executionId, index]))
  const waiting = new Map(state.waiting)
  const leaving = new Set(state.leaving)
  let total = state.total
  for (const { kind, executionId, row } of events) {
    const index = indexes.get(executionId)
    const shown = index === undefined ? undefined : rows[index]
    if (kind === 'ENTERED') total += 1
    if (kind === 'LEFT' || kind === 'DELETED') {
      total -= 1
      waiting.delete(executionId)
      // A page that was read after this event is newer.
      if (shown !== undefined && !isOlder(row, shown)) leaving.add(executionId)
      if (shown !== undefined && index !== undefined && row !== null) rows[index] = newest(shown, row)
    } else if (row !== null) {
      leaving.delete(executionId)
      if (shown !== undefined && index !== undefined) rows[index] = newest(shown, row)
      else if (waiting.has(executionId) || isLoaded(row, state)) waiting.set(executionId, row)
    }
  }
  return { ...state, rows, waiting, leaving, total: state.totalIsExact ? Math.max(0, total) : state.total }
}

/** `state` with waiting rows included, leaving rows removed, and all in order: as if it were read now. */
export function settle<R extends Row>(state: Rows<R>): Rows<R> {
  const rows = [...state.waiting.values(), ...state.rows.filter((row) => !state.leaving.has(row.executionId))]
    .filter((row) => isLoaded(row, state))
    .sort((left, right) => compareRows(left, right, state.order))
  return { ...state, rows, waiting: new Map(), leaving: new Set() }
}

/** `state` without those of the rows `ids` that are still leaving. */
export function removeLeaving<R extends Row>(state: Rows<R>, ids: Iterable<string>): Rows<R> {
  const removed = new Set([...ids].filter((id) => state.leaving.has(id)))
  if (removed.size === 0) return state
  return {
    ...state,
    rows: state.rows.filter((row) => !removed.has(row.executionId)),
    leaving: new Set([...state.leaving].filter((id) => !removed.has(id))),
  }
}

function lastLoadedOf<R extends Row>(page: Page<R>): R | null {
  return page.hasMore && page.isCut !== true ? (page.rows.at(-1) ?? null) : null
}

function isLoaded<R extends Row>(row: R, state: Rows<R>): boolean {
  return state.lastLoaded === null || compareRows(row, state.lastLoaded, state.order) <= 0
}

function newest<R extends Row>(shown: R, other: R | undefined): R {
  return other === undefined || isOlder(other, shown) ? shown : other
}

function isOlder(row: Row | null, than: Row): boolean {
  return row !== null && Date.parse(row.updatedAt) < Date.parse(than.updatedAt)
}
