import { stringifyDocument, type Client } from '@urql/core'
import { explain } from '../graphql/client.ts'
import type { Connection, Subscription } from '../live/connection.ts'
import type { LiveStatus } from '../model/liveStatus.ts'
import {
  ALL_LINES,
  append,
  appendRepeated,
  isAllLines,
  MAX_LINES,
  prepend,
  type LineFilter,
  type Tail,
} from '../model/logLines.ts'
import { mergeSteps } from '../model/steps.ts'
import { EndedExecution } from './endedExecution.ts'
import { OlderLogLines } from './olderLogLines.ts'
import { ACTIVITY, MORE_STEPS, PRESENT, type Activity, type Execution, type LogLine, type Step } from './operations.ts'

/** The state of an execution that its page shows. */
export interface Snapshot {
  state: 'loading' | 'missing' | 'present' | 'removed'
  execution: Execution | null
  /** In the order of the workflow; attempts that are documents of their own one after the other. */
  steps: readonly Step[]
  /** Whether further steps are being loaded, or were left out since there are too many. */
  furtherSteps: 'none' | 'loading' | 'left out'
  tail: Tail<LogLine>
  /** The filter of the log. */
  filter: LineFilter
  /** Lines before the tail that match `filter`, the oldest first. */
  matches: readonly LogLine[]
  /** Whether there may be older lines, or matches, than those that are loaded. */
  hasOlderLines: boolean
  isLoadingOlder: boolean
  /** What failed last, as a sentence. */
  error: string | null
  /** How changes reach the page; null once there are no more to come. */
  status: LiveStatus | null
  /** The lag of the server behind its database. */
  behindSeconds: number
}

const NO_LINES: Tail<LogLine> = { lines: [], dropped: 0 }
const INITIAL: Snapshot = {
  state: 'loading',
  execution: null,
  steps: [],
  furtherSteps: 'none',
  tail: NO_LINES,
  filter: ALL_LINES,
  matches: [],
  hasOlderLines: false,
  isLoadingOlder: false,
  error: null,
  status: 'connecting',
  behindSeconds: 0,
}
// Milliseconds.
const RETRY_AFTER = 4_000
// More than a timeline can show; each takes a kilobyte.
const MAX_STEPS = 20_000
// Lines that the present state starts with; a log of fewer lines is loaded completely.
const FIRST_LINES = 100

/** A store of one execution, its steps and its log: it keeps them up to date until it is stopped. */
export class ExecutionDetail {
  private snapshot = INITIAL
  private readonly listeners = new Set<() => void>()
  private subscription: Subscription | undefined
  private ended: EndedExecution | undefined
  // When the present state was read that the subscription repeats first; null before it begins.
  private repeatedAt: string | null = null
  private timer: number | undefined
  private older: OlderLogLines
  // The same for lines that match the filter; null without one.
  private matching: OlderLogLines | null = null
  // Counts reads, so that responses to earlier ones are dropped.
  private readNumber = 0
  private retryFailed: () => void = () => this.start()

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private readonly id: string,
  ) {
    this.older = new OlderLogLines(client, id)
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getSnapshot = (): Snapshot => this.snapshot

  /** Reads the present state, then subscribes to changes. */
  readonly start = (): void => {
    this.stop()
    void this.read().then((exists) => {
      if (exists) this.subscribeToActivity()
    })
  }

  /** Ends the subscription, timers and reads; `start` starts again. */
  stop(): void {
    this.readNumber += 1
    window.clearTimeout(this.timer)
    this.subscription?.stop()
    this.subscription = undefined
    this.ended?.stop()
    this.ended = undefined
  }

  /** Searches the whole log for lines that match `filter`; the tail stays as it is. */
  readonly setFilter = (filter: LineFilter): void => {
    if (filter === this.snapshot.filter) return
    this.beginSearch(filter)
    this.change({ filter, matches: [] })
    if (this.matching !== null) void this.loadOlder()
  }

  /** Loads the page of lines, or of matches, before the first that is loaded. */
  readonly loadOlder = async (): Promise<void> => {
    if (this.snapshot.isLoadingOlder || !this.snapshot.hasOlderLines) return
    const pages = this.matching ?? this.older
    const read = pages.read(this.snapshot.tail)
    this.change({})
    const page = await read
    if ('error' in page) {
      if (pages === (this.matching ?? this.older)) this.fail(page.error, () => void this.loadOlder())
    } else if (pages === this.older) {
      this.change({ tail: prepend(this.snapshot.tail, page.lines), error: null })
    } else if (pages === this.matching) {
      this.change({ matches: [...page.lines, ...this.snapshot.matches], error: null })
    }
  }

  private beginSearch(filter: LineFilter): void {
    this.matching = isAllLines(filter) ? null : new OlderLogLines(this.client, this.id, filter)
  }

  private resetPages(): void {
    this.older = new OlderLogLines(this.client, this.id)
    this.beginSearch(this.snapshot.filter)
  }

  private async read(): Promise<boolean> {
    const readNumber = this.readNumber
    const { data, error } = await this.client.query(PRESENT, { id: this.id })
    if (readNumber !== this.readNumber) return false
    if (data === undefined) {
      this.fail(explain(error), this.start)
      this.timer = window.setTimeout(this.start, RETRY_AFTER)
      return false
    }
    if (data.execution === null) {
      this.change({ state: this.snapshot.execution === null ? 'missing' : 'removed', error: null, status: null })
      return false
    }
    const { steps, failedSteps, logs, ...execution } = data.execution
    this.resetPages()
    this.change({
      state: 'present',
      execution,
      // Those that failed at once, wherever they are in the workflow.
      steps: mergeSteps(steps.nodes, failedSteps.nodes),
      furtherSteps: steps.pageInfo.hasNextPage ? 'loading' : 'none',
      tail: append(NO_LINES, logs.nodes),
      matches: [],
      error: null,
    })
    if (steps.pageInfo.hasNextPage) void this.readSteps(steps.pageInfo.endCursor)
    return true
  }

  private async readSteps(after: string | null): Promise<void> {
    const readNumber = this.readNumber
    let cursor = after
    for (;;) {
      const { data, error } = await this.client.query(MORE_STEPS, { id: this.id, after: cursor })
      if (readNumber !== this.readNumber) return
      const page = data?.execution?.steps
      if (page === undefined) {
        const from = cursor
        this.fail(explain(error), () => void this.readSteps(from))
        return
      }
      const steps = mergeSteps(this.snapshot.steps, page.nodes)
      cursor = page.pageInfo.endCursor
      const isFull = steps.length >= MAX_STEPS
      this.change({ steps, furtherSteps: !page.pageInfo.hasNextPage ? 'none' : isFull ? 'left out' : 'loading' })
      if (!page.pageInfo.hasNextPage || isFull) return
    }
  }

  private subscribeToActivity(): void {
    const query = stringifyDocument(ACTIVITY)
    this.repeatedAt = null
    if (this.snapshot.status === null) this.change({ status: 'connecting' })
    this.subscription = this.connection.subscribe<Activity>(
      {
        request: (after) => ({ query, variables: { id: this.id, after } }),
        read: (data) => (data as { executionActivity: Activity }).executionActivity,
        onEvents: (events) => this.apply(events),
        onStatus: (status) => {
          if (this.snapshot.status !== null && status !== this.snapshot.status) this.change({ status })
        },
        onBehind: (behindSeconds) => {
          if (behindSeconds !== this.snapshot.behindSeconds) this.change({ behindSeconds })
        },
        onStale: () => void this.catchUp(),
        onError: (error) => this.fail(error, this.start),
        onComplete: () => {
          this.change({ status: null })
          this.ended = new EndedExecution(this.client, this.connection, this.id, this.start)
          void this.ended.start()
        },
      },
      null,
    )
  }

  private async catchUp(): Promise<void> {
    if (this.snapshot.status === 'polling') await this.read()
    else this.start()
  }

  private apply(events: Activity[]): void {
    let { execution, state, tail } = this.snapshot
    const steps: Step[] = []
    const repeated: LogLine[] = []
    const lines: LogLine[] = []
    for (const event of events) {
      if (event.__typename === 'StepUpdate') {
        steps.push(event.step)
      } else if (event.__typename === 'LogAppended') {
        const isRepeated = event.occurredAt === this.repeatedAt
        if (isRepeated) repeated.push(event.entry)
        else lines.push(event.entry)
      } else if (event.kind === 'LEFT' || event.kind === 'DELETED') {
        state = 'removed'
      } else if (event.kind === 'ENTERED' && this.repeatedAt !== null) {
        // After a gap the present state starts again: what was removed meanwhile is only seen by reading it.
        this.start()
        return
      } else if (event.execution !== null) {
        execution = event.execution
        if (event.kind === 'ENTERED') this.repeatedAt = event.occurredAt
      }
    }
    const joined = appendRepeated(tail, repeated)
    if (joined === null) this.resetPages()
    tail = append(joined ?? append(NO_LINES, repeated), lines)
    const matches = joined === null ? { matches: [] } : {}
    const removed = state === 'removed' ? { status: null } : {}
    this.change({ state, execution, steps: mergeSteps(this.snapshot.steps, steps), tail, ...matches, ...removed })
  }

  /** Retries what failed last. */
  readonly retry = (): void => {
    this.change({ error: null })
    this.retryFailed()
  }

  private fail(error: string, retry: () => void): void {
    this.retryFailed = retry
    this.change({ error })
  }

  private change(changes: Partial<Snapshot>): void {
    const { tail, matches } = { ...this.snapshot, ...changes }
    const loaded = this.matching === null ? tail.lines : matches
    const isIncomplete = FIRST_LINES <= tail.lines.length && loaded.length < MAX_LINES
    const hasOlderLines = isIncomplete && this.older.hasMore && this.matching?.hasMore !== false
    const isLoadingOlder = (this.matching ?? this.older).isLoading
    this.snapshot = { ...this.snapshot, ...changes, hasOlderLines, isLoadingOlder }
    this.listeners.forEach((notify) => notify())
  }
}
