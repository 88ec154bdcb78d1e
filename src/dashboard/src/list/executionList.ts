import { stringifyDocument, type Client } from '@urql/core'
import { explain } from '../graphql/client.ts'
import type { Connection, Following } from '../live/connection.ts'
import type { Filter } from '../model/filter.ts'
import { toFilterInput, type FilterInput } from '../model/filterInput.ts'
import { appendPage, applyEvents, beginRows, dropLeft, settle, type RowEvent, type Rows } from '../model/rows.ts'
import type { SortKey } from '../model/sorting.ts'
import type { LiveStatus } from '../model/reconnection.ts'
import { CHANGES, FIRST_PAGE, NEXT_PAGE, type Change, type Execution } from './operations.ts'

/** The list at one moment. */
export interface Snapshot {
  /** Null until the first page has come. */
  rows: Rows<Execution> | null
  hasMore: boolean
  isReading: boolean
  /** Why the last read failed, as a sentence. */
  error: string | null
  status: LiveStatus
  /** How many seconds the server is behind its database. */
  behindSeconds: number
  /** How many wait to be let in. */
  waiting: number
}

// The most that the server takes.
const PAGE = 100
// What a person may be looking at when everything is read again.
const MOST_READ_AGAIN = 300
// Beyond these, reading again is cheaper than keeping what came.
const MOST_WAITING = 1_000
const MOST_ROWS = 20_000
// Long enough to be noticed.
const FADE = 2_000
const RETRY = 4_000
// Reading again is cheaper than hearing all that has happened since, and "the last hour" has moved on.
const GOES_STALE = 120_000

/** The executions that match a filter, page by page, kept up to date until it is stopped. */
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
  private following: Following | undefined
  private endCursor: string | null = null
  // Answers to what was asked before the latest reading began are dropped.
  private reading = 0
  private resolved: FilterInput = {}
  private joinsAtOnce = false
  private left: { cursor: string; at: number } | null = null
  /** Where it is scrolled to. */
  readonly place = { top: 0 }

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

  /** Reads the first page, and follows what happens to it; after a short stop, goes on where it stopped. */
  start(): void {
    const { left } = this
    this.left = null
    const { rows } = this.snapshot
    if (rows === null || left === null || Date.now() - left.at > GOES_STALE) {
      void this.read()
      return
    }
    // Nobody waited for them to fade.
    this.change({ rows: dropLeft(rows, [...rows.leaving]) })
    this.follow(left.cursor)
  }

  /** Ends everything that was begun; `start` begins anew. */
  stop(): void {
    this.reading += 1
    const cursor = this.following?.stop() ?? null
    this.following = undefined
    // What was being read was not: the list goes on only from where it is whole.
    const isWhole = this.snapshot.rows !== null && !this.snapshot.isReading && this.snapshot.error === null
    this.left = cursor !== null && isWhole ? { cursor, at: Date.now() } : null
    this.timers.forEach((timer) => window.clearTimeout(timer))
    this.timers.clear()
  }

  /** Begins to read the page behind the last one, unless that is under way. */
  readonly readMoreNow = (): void => void this.readMore()

  private async readMore(): Promise<void> {
    if (this.snapshot.isReading || !this.snapshot.hasMore) return
    const reading = this.reading
    this.change({ isReading: true })
    const { data, error } = await this.client.query(NEXT_PAGE, { ...this.variables(), after: this.endCursor })
    if (reading !== this.reading) return
    if (data === undefined || this.snapshot.rows === null) {
      this.fail(explain(error), () => this.readMore())
      return
    }
    const { nodes, pageInfo } = data.executions
    this.endCursor = pageInfo.endCursor
    const rows = appendPage(this.snapshot.rows, { rows: nodes, hasMore: pageInfo.hasNextPage })
    this.change({ rows, hasMore: pageInfo.hasNextPage, isReading: false, error: null })
  }

  /** Lets new rows in as they come, or lets them wait. */
  setJoining(atOnce: boolean): void {
    this.joinsAtOnce = atOnce
    if (atOnce && this.snapshot.waiting > 0) this.letIn()
  }

  /** Lets in what waits. */
  letIn(): void {
    const { rows, waiting } = this.snapshot
    if (rows === null) return
    if (waiting > rows.waiting.size || rows.rows.length > MOST_ROWS) void this.read()
    else this.change({ rows: settle(rows), waiting: 0 })
  }

  /** Reads again what is shown, or as much of it as fits a few pages. */
  async read(): Promise<void> {
    const reading = ++this.reading
    const wanted = Math.min(this.snapshot.rows?.rows.length ?? 0, MOST_READ_AGAIN)
    this.resolved = toFilterInput(this.filter, Date.now())
    this.change({ isReading: true })
    const first = await this.client.query(FIRST_PAGE, this.variables())
    if (reading !== this.reading) return
    if (first.data === undefined) {
      this.fail(explain(first.error), () => this.read())
      return
    }
    const { nodes, pageInfo, totalCount, totalCountIsExact, liveCursor } = first.data.executions
    let rows = beginRows(this.order, { rows: nodes, hasMore: pageInfo.hasNextPage }, totalCount, totalCountIsExact)
    let end = pageInfo
    while (rows.rows.length < wanted && end.hasNextPage) {
      const next = await this.client.query(NEXT_PAGE, { ...this.variables(), after: end.endCursor })
      if (reading !== this.reading) return
      if (next.data === undefined) break
      end = next.data.executions.pageInfo
      rows = appendPage(rows, { rows: next.data.executions.nodes, hasMore: end.hasNextPage })
    }
    this.endCursor = end.endCursor
    this.change({ rows, hasMore: end.hasNextPage, isReading: false, error: null, waiting: 0 })
    this.follow(liveCursor)
  }

  private follow(cursor: string): void {
    if (this.following !== undefined) {
      this.following.resumeFrom(cursor)
      return
    }
    const query = stringifyDocument(CHANGES)
    this.following = this.connection.follow<Change>(
      {
        operation: (after) => ({ query, variables: { filter: this.resolved, after } }),
        read: (data) => (data as { executionUpdates: Change }).executionUpdates,
        onEvents: (changes) => this.take(changes),
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

  private take(changes: Change[]): void {
    const { rows } = this.snapshot
    if (rows === null) return
    if (changes.some((change) => change.kind === 'GAP')) {
      this.change({ status: 'behind' })
      void this.read()
      return
    }
    const next = applyEvents(rows, changes.flatMap(toEvent))
    this.forgetLater(next.leaving, rows.leaving)
    this.show(next)
  }

  private show(next: Rows<Execution>): void {
    const overflow = this.snapshot.waiting > MOST_WAITING
    if (this.joinsAtOnce && !overflow) {
      // Those that leave fade where they are.
      const settled = { ...settle({ ...next, leaving: new Set<string>() }), leaving: next.leaving }
      this.change({ rows: settled, waiting: 0 })
      if (settled.rows.length > MOST_ROWS) void this.read()
      return
    }
    const added = Math.max(0, next.waiting.size - (this.snapshot.rows?.waiting.size ?? 0))
    const waiting = overflow ? this.snapshot.waiting + added : next.waiting.size
    this.change({ rows: overflow ? { ...next, waiting: new Map<string, Execution>() } : next, waiting })
  }

  private forgetLater(leaving: ReadonlySet<string>, before: ReadonlySet<string>): void {
    const ids = [...leaving].filter((id) => !before.has(id))
    if (ids.length === 0) return
    this.later(FADE, () => {
      if (this.snapshot.rows !== null) this.change({ rows: dropLeft(this.snapshot.rows, ids) })
    })
  }

  private fail(error: string, again: () => Promise<void>): void {
    this.change({ isReading: false, error })
    const reading = this.reading
    this.later(RETRY, () => {
      if (reading === this.reading) void again()
    })
  }

  private later(milliseconds: number, work: () => void): void {
    const timer = window.setTimeout(() => {
      this.timers.delete(timer)
      work()
    }, milliseconds)
    this.timers.add(timer)
  }

  private variables() {
    return { filter: this.resolved, sort: [...this.order], first: PAGE }
  }

  private change(part: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...part }
    this.listeners.forEach((tell) => tell())
  }
}

function toEvent(change: Change): RowEvent<Execution>[] {
  const { kind, executionId, execution } = change
  return kind === 'GAP' || executionId === null ? [] : [{ kind, executionId, row: execution }]
}
