import { stringifyDocument, type Client } from '@urql/core'
import { explain } from '../graphql/client.ts'
import type { Connection, Subscription } from '../live/connection.ts'
import type { Filter } from '../model/filter.ts'
import { toFilterInput, type FilterInput } from '../model/filterInput.ts'
import type { LiveStatus } from '../model/liveStatus.ts'
import { appendPage, applyEvents, createRows, removeLeaving, settle, type RowEvent, type Rows } from '../model/rows.ts'
import type { SortKey } from '../model/sorting.ts'
import { CHANGES, FIRST_PAGE, NEXT_PAGE, type Change, type Execution } from './operations.ts'

/** The state of the list that the page shows. */
export interface Snapshot {
  /** Null until the first page has been read. */
  rows: Rows<Execution> | null
  hasMore: boolean
  isReading: boolean
  /** Why the last read failed, as a sentence. */
  error: string | null
  status: LiveStatus
  /** The lag of the server behind its database. */
  behindSeconds: number
  /** How many new executions are not shown yet. */
  waiting: number
}

// The maximum of the server.
const PAGE_SIZE = 100
// Rows to read again after a gap: three pages, more than anyone has on the screen.
const MAX_REREAD = 300
// With more rows than these, reading the list again is cheaper than keeping them.
const MAX_WAITING = 1_000
const MAX_ROWS = 20_000
// Milliseconds; long enough to be noticed.
const FADE = 2_000
const RETRY_AFTER = 4_000
// After a longer absence, reading again is cheaper than catching up, and relative dates have moved on.
const STALE_AFTER = 120_000

/** A store of the executions that match a filter: it loads them page by page and keeps them up to date until it is stopped. */
export class ExecutionList {
  private snapshot: Snapshot = {
    rows: null,
    hasMore: false,
    isReading: true,
    error: null,
    status: 'connecting',
    behindSeconds: 0,
    waiting: 0,
  }
  private readonly listeners = new Set<() => void>()
  private readonly timers = new Set<number>()
  private subscription: Subscription | undefined
  private endCursor: string | null = null
  // Counts reads, so that responses to earlier ones are dropped.
  private readNumber = 0
  private filterInput: FilterInput = {}
  private showsNewAtOnce = false
  // Where and when the list was stopped, if it was complete.
  private stopped: { cursor: string; at: number } | null = null
  /** The scroll position. */
  readonly scroll = { top: 0 }

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private readonly filter: Filter,
    private readonly order: readonly SortKey[],
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getSnapshot = (): Snapshot => this.snapshot

  /** Reads the first page and subscribes to changes; after a short stop, resumes where it stopped. */
  start(): void {
    const { stopped } = this
    this.stopped = null
    const { rows } = this.snapshot
    if (rows === null || stopped === null || Date.now() - stopped.at > STALE_AFTER) {
      void this.read()
      return
    }
    // Leaving rows have had time to fade.
    this.change({ rows: removeLeaving(rows, [...rows.leaving]) })
    this.subscribeFrom(stopped.cursor)
  }

  /** Ends the subscription, timers and reads; `start` resumes. */
  stop(): void {
    this.readNumber += 1
    const cursor = this.subscription?.stop() ?? null
    this.subscription = undefined
    // The list can resume only if it was not in the middle of a read.
    const isComplete = this.snapshot.rows !== null && !this.snapshot.isReading && this.snapshot.error === null
    this.stopped = cursor !== null && isComplete ? { cursor, at: Date.now() } : null
    this.timers.forEach((timer) => window.clearTimeout(timer))
    this.timers.clear()
  }

  /** Loads the next page, unless that is under way. */
  readonly loadMoreNow = (): void => void this.loadMore()

  private async loadMore(): Promise<void> {
    if (this.snapshot.isReading || !this.snapshot.hasMore) return
    const readNumber = this.readNumber
    this.change({ isReading: true })
    const { data, error } = await this.client.query(NEXT_PAGE, { ...this.variables(), after: this.endCursor })
    if (readNumber !== this.readNumber) return
    if (data === undefined || this.snapshot.rows === null) {
      this.fail(explain(error), () => this.loadMore())
      return
    }
    const { nodes, pageInfo } = data.executions
    this.endCursor = pageInfo.endCursor
    const rows = appendPage(this.snapshot.rows, { rows: nodes, hasMore: pageInfo.hasNextPage })
    this.change({ rows, hasMore: pageInfo.hasNextPage, isReading: false, error: null })
  }

  /** Shows new rows as they arrive, or lets them wait for `showNew`. */
  setShowsNewAtOnce(atOnce: boolean): void {
    this.showsNewAtOnce = atOnce
    if (atOnce && this.snapshot.waiting > 0) this.showNew()
  }

  /** Shows the rows that wait. */
  showNew(): void {
    const { rows, waiting } = this.snapshot
    if (rows === null) return
    if (waiting > rows.waiting.size || rows.rows.length > MAX_ROWS) void this.read()
    else this.change({ rows: settle(rows), waiting: 0 })
  }

  /** Reads the list again: as many rows as are shown, up to `MAX_REREAD`. */
  async read(): Promise<void> {
    const readNumber = ++this.readNumber
    const target = Math.min(this.snapshot.rows?.rows.length ?? 0, MAX_REREAD)
    this.filterInput = toFilterInput(this.filter, Date.now())
    this.change({ isReading: true })
    const first = await this.client.query(FIRST_PAGE, this.variables())
    if (readNumber !== this.readNumber) return
    if (first.data === undefined) {
      this.fail(explain(first.error), () => this.read())
      return
    }
    const { nodes, pageInfo, totalCount, totalCountIsExact, liveCursor } = first.data.executions
    let rows = createRows(this.order, { rows: nodes, hasMore: pageInfo.hasNextPage }, totalCount, totalCountIsExact)
    let end = pageInfo
    while (rows.rows.length < target && end.hasNextPage) {
      const next = await this.client.query(NEXT_PAGE, { ...this.variables(), after: end.endCursor })
      if (readNumber !== this.readNumber) return
      if (next.data === undefined) break
      end = next.data.executions.pageInfo
      rows = appendPage(rows, { rows: next.data.executions.nodes, hasMore: end.hasNextPage })
    }
    this.endCursor = end.endCursor
    this.change({ rows, hasMore: end.hasNextPage, isReading: false, error: null, waiting: 0 })
    this.subscribeFrom(liveCursor)
  }

  private subscribeFrom(cursor: string): void {
    if (this.subscription !== undefined) {
      this.subscription.resumeFrom(cursor)
      return
    }
    const query = stringifyDocument(CHANGES)
    this.subscription = this.connection.subscribe<Change>(
      {
        request: (after) => ({ query, variables: { filter: this.filterInput, after } }),
        read: (data) => (data as { executionUpdates: Change }).executionUpdates,
        onEvents: (changes) => this.apply(changes),
        onStatus: (status) => {
          if (status !== this.snapshot.status) this.change({ status })
        },
        onBehind: (behindSeconds) => {
          if (behindSeconds !== this.snapshot.behindSeconds) this.change({ behindSeconds })
        },
        onStale: () => void this.read(),
        onError: (error) => this.change({ error }),
      },
      cursor,
    )
  }

  private apply(changes: Change[]): void {
    const { rows } = this.snapshot
    if (rows === null) return
    if (changes.some((change) => change.kind === 'GAP')) {
      this.change({ status: 'behind' })
      void this.read()
      return
    }
    const next = applyEvents(rows, changes.flatMap(toEvent))
    this.removeLater(next.leaving, rows.leaving)
    this.show(next)
  }

  private show(next: Rows<Execution>): void {
    const overflow = this.snapshot.waiting > MAX_WAITING
    if (this.showsNewAtOnce && !overflow) {
      // Leaving rows stay where they are while they fade.
      const settled = { ...settle({ ...next, leaving: new Set<string>() }), leaving: next.leaving }
      this.change({ rows: settled, waiting: 0 })
      if (settled.rows.length > MAX_ROWS) void this.read()
      return
    }
    const added = Math.max(0, next.waiting.size - (this.snapshot.rows?.waiting.size ?? 0))
    const waiting = overflow ? this.snapshot.waiting + added : next.waiting.size
    this.change({ rows: overflow ? { ...next, waiting: new Map<string, Execution>() } : next, waiting })
  }

  private removeLater(leaving: ReadonlySet<string>, before: ReadonlySet<string>): void {
    const ids = [...leaving].filter((id) => !before.has(id))
    if (ids.length === 0) return
    this.later(FADE, () => {
      if (this.snapshot.rows !== null) this.change({ rows: removeLeaving(this.snapshot.rows, ids) })
    })
  }

  private fail(error: string, retry: () => Promise<void>): void {
    this.change({ isReading: false, error })
    const readNumber = this.readNumber
    this.later(RETRY_AFTER, () => {
      if (readNumber === this.readNumber) void retry()
    })
  }

  private later(milliseconds: number, action: () => void): void {
    const timer = window.setTimeout(() => {
      this.timers.delete(timer)
      action()
    }, milliseconds)
    this.timers.add(timer)
  }

  private variables() {
    return { filter: this.filterInput, sort: [...this.order], first: PAGE_SIZE }
  }

  private change(changes: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...changes }
    this.listeners.forEach((notify) => notify())
  }
}

function toEvent(change: Change): RowEvent<Execution>[] {
  const { kind, executionId, execution } = change
  return kind === 'GAP' || executionId === null ? [] : [{ kind, executionId, row: execution }]
}
