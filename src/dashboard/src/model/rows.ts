import { compareRows, type Sortable, type SortKey } from './sorting.ts'

/** What the list must know of an execution to keep it up to date. */
export interface Row extends Sortable {
  executionId: string
  updatedAt: string
}

/** What happened to one execution, as the list's filter sees it. */
export interface RowEvent<R extends Row> {
  kind: 'ENTERED' | 'UPDATED' | 'LEFT' | 'DELETED'
  executionId: string
  row: R | null
}

/** The loaded part of a list, and what has happened since it was read. */
export interface Rows<R extends Row> {
  readonly order: readonly SortKey[]
  readonly rows: readonly R[]
  /** What belongs among the rows and has not been let in yet, by execution id. */
  readonly waiting: ReadonlyMap<string, R>
  /** Ids of rows that are still shown and match no more. */
  readonly leaving: ReadonlySet<string>
  /** The last row of the last page as it was read, when more follow it: what lies beyond is not loaded. */
  readonly boundary: R | null
  readonly total: number
  readonly totalIsExact: boolean
}

/** A page as it was read. */
export interface ReadPage<R extends Row> {
  rows: readonly R[]
  hasMore: boolean
}

/** The list as its first page was read. */
export function beginRows<R extends Row>(
  order: readonly SortKey[],
  page: ReadPage<R>,
  total: number,
  totalIsExact: boolean,
): Rows<R> {
  return {
    order,
    rows: page.rows,
    waiting: new Map(),
    leaving: new Set(),
    boundary: boundaryOf(page),
    total,
    totalIsExact,
  }
}

/** `state` with the page behind it; rows of it that are there already are brought up to date where they stand. */
export function appendPage<R extends Row>(state: Rows<R>, page: ReadPage<R>): Rows<R> {
  const read = new Map(page.rows.map((row) => [row.executionId, row]))
  const kept = state.rows.map((row) => newest(row, read.get(row.executionId)))
  const known = new Set(kept.map((row) => row.executionId))
  const added = page.rows.filter((row) => !known.has(row.executionId))
  const waiting = new Map(state.waiting)
  // What waits may be newer than the page: an event may have come while it was on its way.
  const rows = [...kept, ...added.map((row) => newest(row, waiting.get(row.executionId)))]
  added.forEach((row) => waiting.delete(row.executionId))
  return { ...state, rows, waiting, boundary: boundaryOf(page) }
}

/** `state` after `events`, in their order: rows change where they stand, new ones wait, others begin to leave. */
export function applyEvents<R extends Row>(state: Rows<R>, events: readonly RowEvent<R>[]): Rows<R> {
  const rows = [...state.rows]
  const places = new Map(rows.map((row, index) => [row.executionId, index]))
  const waiting = new Map(state.waiting)
  const leaving = new Set(state.leaving)
  let total = state.total
  for (const { kind, executionId, row } of events) {
    const place = places.get(executionId)
    const shown = place === undefined ? undefined : rows[place]
    if (kind === 'ENTERED') total += 1
    if (kind === 'LEFT' || kind === 'DELETED') {
      total -= 1
      waiting.delete(executionId)
      // A page that was read after this happened knows better.
      if (shown !== undefined && !isOlder(row, shown)) leaving.add(executionId)
      if (shown !== undefined && place !== undefined && row !== null) rows[place] = newest(shown, row)
    } else if (row !== null) {
      leaving.delete(executionId)
      if (shown !== undefined && place !== undefined) rows[place] = newest(shown, row)
      else if (waiting.has(executionId) || isWithin(row, state)) waiting.set(executionId, row)
    }
  }
  return { ...state, rows, waiting, leaving, total: state.totalIsExact ? Math.max(0, total) : state.total }
}

/** `state` as it would be read now: those that wait are let in, those that leave are gone, each in its place. */
export function settle<R extends Row>(state: Rows<R>): Rows<R> {
  const rows = [...state.waiting.values(), ...state.rows.filter((row) => !state.leaving.has(row.executionId))]
    .filter((row) => isWithin(row, state))
    .sort((left, right) => compareRows(left, right, state.order))
  return { ...state, rows, waiting: new Map(), leaving: new Set() }
}

/** `state` without the rows named by `ids`, where they still leave. */
export function dropLeft<R extends Row>(state: Rows<R>, ids: Iterable<string>): Rows<R> {
  const gone = new Set([...ids].filter((id) => state.leaving.has(id)))
  if (gone.size === 0) return state
  return {
    ...state,
    rows: state.rows.filter((row) => !gone.has(row.executionId)),
    leaving: new Set([...state.leaving].filter((id) => !gone.has(id))),
  }
}

function boundaryOf<R extends Row>(page: ReadPage<R>): R | null {
  return page.hasMore ? (page.rows.at(-1) ?? null) : null
}

function isWithin<R extends Row>(row: R, state: Rows<R>): boolean {
  return state.boundary === null || compareRows(row, state.boundary, state.order) <= 0
}

function newest<R extends Row>(shown: R, other: R | undefined): R {
  return other === undefined || isOlder(other, shown) ? shown : other
}

function isOlder(row: Row | null, than: Row): boolean {
  return row !== null && Date.parse(row.updatedAt) < Date.parse(than.updatedAt)
}
