import { stringifyDocument, type Client } from '@urql/core'
import type { Attention } from '../components/attention.ts'
import { explain } from '../graphql/client.ts'
import type { Connection, Subscription } from '../live/connection.ts'
import type { Filter } from '../model/filter.ts'
import { toFilterInput, type FilterInput } from '../model/filterInput.ts'
import { SearchMeter } from '../model/searchProgress.ts'
import { addRecoveries, type Recoveries } from '../model/retries.ts'
import { appendPage, applyEvents, createRows, removeLeaving, settle, type RowEvent, type Rows } from '../model/rows.ts'
import type { Selection } from '../model/selection.ts'
import type { SortKey } from '../model/sorting.ts'
import { CHANGES, FIRST_PAGE, NEXT_PAGE, type Change, type Execution, type PageRow } from './operations.ts'
import { INITIAL, type Place, type Snapshot } from './snapshot.ts'

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
// Between two times that new rows move the others: nobody reads faster, and each time most of the page is rendered.
const SETTLE_PAUSE = 250
// After a longer absence, reading again is cheaper than catching up, and relative dates have moved on.
const STALE_AFTER = 120_000

/** A store of the executions that match a filter: it loads them page by page and keeps them up to date until it is stopped. */
export class ExecutionList {
  private snapshot = INITIAL
  private readonly listeners = new Set<() => void>()
  private readonly timers = new Set<number>()
  private subscription: Subscription | undefined
  private endCursor: string | null = null
  // Counts reads, so that responses to earlier ones are dropped.
  private readNumber = 0
  private filterInput: FilterInput = {}
  private showsNewAtOnce = false
  private settledAt = 0
  private isSettlingLater = false
  private readonly meter = new SearchMeter(PAGE_SIZE)
  private ignoreAttention: (() => void) | undefined
  // The list can be resumed while it reads a further page, but not while it is read again.
  private isRestarting = false
  // Where and when the list was stopped, if it was complete.
  private stopped: { cursor: string; at: number } | null = null
  /** Where the page was left. */
  readonly place: Place = { top: 0, selected: null }

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private readonly filter: Filter,
    private readonly order: readonly SortKey[],
    private readonly attention: Attention,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getSnapshot = (): Snapshot => this.snapshot

  /** Reads the first page and subscribes to changes; after a short stop, resumes where it stopped. */
  start(): void {
    this.ignoreAttention = this.attention.subscribe(() => this.goOnSearching())
    const { stopped } = this
    this.stopped = null
    const { rows } = this.snapshot
    if (rows === null || stopped === null || Date.now() - stopped.at > STALE_AFTER) {
      void this.read()
      return
    }
    // Leaving rows have had time to fade.
    this.change({ rows: removeLeaving(rows, [...rows.leaving]), isReading: false })
    if (this.showsNewAtOnce) this.showNew()
    this.subscribeFrom(stopped.cursor)
    this.goOnSearching()
  }

  /** Selects the row `by` rows below that of an execution, and returns its id; null where there is none. */
  walk(executionId: string, by: number): string | null {
    const rows = this.snapshot.rows?.rows ?? []
    const at = rows.findIndex((row) => row.executionId === executionId)
    const next = at < 0 ? undefined : rows[at + by]
    if (next === undefined) return null
    this.place.selected = next.executionId
    return next.executionId
  }

  /** Keeps where the page is, for when it is opened again. */
  readonly keepPlace = (changes: Partial<Place>): void => {
    Object.assign(this.place, changes)
  }

  /** Changes which rows are chosen. */
  readonly changeSelection = (change: (selection: Selection) => Selection): void => {
    this.change({ selection: change(this.snapshot.selection) })
  }

  /** Ends the subscription, timers and reads; `start` resumes. */
  stop(): void {
    this.readNumber += 1
    this.ignoreAttention?.()
    const cursor = this.subscription?.stop() ?? null
    this.subscription = undefined
    const isComplete = this.snapshot.rows !== null && !this.isRestarting && this.snapshot.error === null
    this.stopped = cursor !== null && isComplete ? { cursor, at: Date.now() } : null
    this.timers.forEach((timer) => window.clearTimeout(timer))
    this.timers.clear()
    this.isSettlingLater = false
  }

  /** Loads the next page, unless that is under way or a search waits for a click. */
  readonly loadMoreNow = (): void => {
    if (this.snapshot.search?.goesOn !== 'with a click') void this.loadMore()
  }

  /** Goes on with a search whose time was up. */
  readonly searchFurther = (): void => {
    this.meter.allowMore()
    void this.loadMore()
  }

  private async loadMore(): Promise<void> {
    if (this.snapshot.isReading || !this.snapshot.hasMore) return
    const readNumber = this.readNumber
    this.change({ isReading: true })
    const { data, error } = await this.readPage(this.endCursor)
    if (readNumber !== this.readNumber) return
    if (data === undefined || this.snapshot.rows === null) {
      this.fail(explain(error), () => this.loadMore())
      return
    }
    const { nodes, pageInfo, search } = data.executions
    this.endCursor = pageInfo.endCursor
    const rows = appendPage(this.snapshot.rows, {
      rows: nodes,
      hasMore: pageInfo.hasNextPage,
      isCut: !search.isComplete,
    })
    this.change({
      rows,
      recoveries: withRecoveries(this.snapshot.recoveries, nodes),
      hasMore: pageInfo.hasNextPage,
      search: this.meter.after(search, nodes.length),
      isReading: false,
      error: null,
    })
    this.goOnSearching()
  }

  private readPage(after: string | null) {
    return this.meter.time(() => this.client.query(NEXT_PAGE, { ...this.variables(), after }).toPromise())
  }

  private goOnSearching(): void {
    if (this.snapshot.search?.goesOn === 'by itself' && this.attention.isGiven()) void this.loadMore()
  }

  /** Shows new rows as they arrive, or lets them wait for `showNew`. */
  setShowsNewAtOnce(atOnce: boolean): void {
    this.showsNewAtOnce = atOnce
    if (atOnce && this.snapshot.waiting > 0) this.showNew()
    // Those that would have been shown in a moment.
    else if (!atOnce) this.change({ waiting: Math.max(this.snapshot.waiting, this.snapshot.rows?.waiting.size ?? 0) })
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
    this.meter.restart()
    this.isRestarting = true
    this.change({ isReading: true })
    const first = await this.meter.time(() => this.client.query(FIRST_PAGE, this.variables()).toPromise())
    if (readNumber !== this.readNumber) return
    if (first.data === undefined) {
      this.fail(explain(first.error), () => this.read())
      return
    }
    const { nodes, pageInfo, totalCount, totalCountIsExact, liveCursor } = first.data.executions
    let recoveries = withRecoveries(new Map(), nodes)
    let search = this.meter.after(first.data.executions.search, nodes.length)
    let rows = createRows(
      this.order,
      { rows: nodes, hasMore: pageInfo.hasNextPage, isCut: search !== null },
      totalCount,
      totalCountIsExact,
    )
    let end = pageInfo
    while (rows.rows.length < target && end.hasNextPage && search?.goesOn !== 'with a click') {
      const next = await this.readPage(end.endCursor)
      if (readNumber !== this.readNumber) return
      if (next.data === undefined) break
      end = next.data.executions.pageInfo
      search = this.meter.after(next.data.executions.search, next.data.executions.nodes.length)
      recoveries = withRecoveries(recoveries, next.data.executions.nodes)
      rows = appendPage(rows, {
        rows: next.data.executions.nodes,
        hasMore: end.hasNextPage,
        isCut: search !== null,
      })
    }
    this.endCursor = end.endCursor
    this.isRestarting = false
    this.change({ rows, recoveries, hasMore: end.hasNextPage, search, isReading: false, error: null, waiting: 0 })
    this.subscribeFrom(liveCursor)
    this.goOnSearching()
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
        onStale: () => {
          // A search takes longer than the interval of polling: repeated each time, it would never end.
          const isUnfinished = this.snapshot.isReading || this.snapshot.search !== null
          if (this.snapshot.status !== 'polling' || !isUnfinished) void this.read()
        },
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
    const events = changes.flatMap(toEvent)
    const next = applyEvents(rows, events)
    const changed = events.flatMap(({ row }) => row ?? [])
    const recoveries = addRecoveries(this.snapshot.recoveries, changed, () => {
      return new Map([...next.rows, ...next.waiting.values()].map((row) => [row.executionId, row]))
    })
    if (recoveries !== this.snapshot.recoveries) this.change({ recoveries })
    this.removeLater(next.leaving, rows.leaving)
    this.show(next)
  }

  private show(next: Rows<Execution>): void {
    const overflow = this.snapshot.waiting > MAX_WAITING
    // New rows would move none of an empty list.
    if ((this.showsNewAtOnce || next.rows.length === 0) && !overflow) {
      this.settleSoon(next)
      return
    }
    const added = Math.max(0, next.waiting.size - (this.snapshot.rows?.waiting.size ?? 0))
    const waiting = overflow ? this.snapshot.waiting + added : next.waiting.size
    this.change({ rows: overflow ? { ...next, waiting: new Map<string, Execution>() } : next, waiting })
  }

  /** Shows what has changed in place now, and new rows among the others now or in a moment. */
  private settleSoon(next: Rows<Execution>): void {
    const pause = next.rows.length === 0 ? 0 : this.settledAt + SETTLE_PAUSE - Date.now()
    if (pause <= 0) {
      this.settledAt = Date.now()
      // Leaving rows stay where they are while they fade.
      const settled = { ...settle({ ...next, leaving: new Set<string>() }), leaving: next.leaving }
      this.change({ rows: settled, waiting: 0 })
      if (settled.rows.length > MAX_ROWS) void this.read()
      return
    }
    this.change({ rows: next, waiting: 0 })
    if (this.isSettlingLater) return
    this.isSettlingLater = true
    this.later(pause, () => {
      this.isSettlingLater = false
      if (this.snapshot.rows !== null) this.show(this.snapshot.rows)
    })
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

/** `known` with what recovered the rows of a page. */
function withRecoveries(known: Recoveries, page: readonly PageRow[]): Recoveries {
  const recovered = page.flatMap(({ executionId, recoveredBy }) => {
    return recoveredBy === null ? [] : [[executionId, recoveredBy] as const]
  })
  return new Map([...known, ...recovered])
}

function toEvent(change: Change): RowEvent<Execution>[] {
  const { kind, executionId, execution } = change
  return kind === 'GAP' || executionId === null ? [] : [{ kind, executionId, row: execution }]
}
