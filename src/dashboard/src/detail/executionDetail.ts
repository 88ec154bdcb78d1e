import { stringifyDocument, type Client } from '@urql/core'
import { explain } from '../graphql/client.ts'
import type { Connection, Following } from '../live/connection.ts'
import { append, EVERY_LINE, isEveryLine, MOST_LINES, prepend, type LineFilter, type Tail } from '../model/logLines.ts'
import type { LiveStatus } from '../model/reconnection.ts'
import { OlderLogLines } from './olderLogLines.ts'
import { ACTIVITY, PRESENT, type Activity, type Execution, type LogLine, type Step } from './operations.ts'

/** One execution at one moment. */
export interface Snapshot {
  state: 'loading' | 'missing' | 'present' | 'gone'
  execution: Execution | null
  /** In the order of the workflow. */
  steps: readonly Step[]
  tail: Tail<LogLine>
  /** What lines are looked for. */
  filter: LineFilter
  /** Lines before the tail that `filter` lets through, the oldest first. */
  matches: readonly LogLine[]
  /** Whether there may be lines, or matches, before those that are there. */
  hasOlderLines: boolean
  isLoadingOlder: boolean
  /** What failed last, as a sentence. */
  error: string | null
  /** How the page hears of changes; null once there are no more to come. */
  status: LiveStatus | null
  /** How many seconds the server is behind its database. */
  behindSeconds: number
}

const NO_LINES: Tail<LogLine> = { lines: [], dropped: 0 }
const NOTHING: Snapshot = {
  state: 'loading',
  execution: null,
  steps: [],
  tail: NO_LINES,
  filter: EVERY_LINE,
  matches: [],
  hasOlderLines: false,
  isLoadingOlder: false,
  error: null,
  status: 'connecting',
  behindSeconds: 0,
}
const RETRY = 4_000
// The present state begins with so many of the last lines; a log of fewer is there as a whole.
const FIRST_LINES = 100

/** One execution with its steps and its log, kept up to date until it is stopped. */
export class ExecutionDetail {
  private snapshot = NOTHING
  private readonly listeners = new Set<() => void>()
  private following: Following | undefined
  private timer: number | undefined
  private older: OlderLogLines
  // The same for what is looked for, unless it is every line.
  private matching: OlderLogLines | null = null
  // Answers to what was asked before the latest begin are dropped.
  private reading = 0
  private again: () => void = () => this.start()

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

  /** Reads the present, and follows what happens from there. */
  readonly start = (): void => {
    this.stop()
    void this.read().then((isThere) => {
      if (isThere) this.follow()
    })
  }

  /** Ends everything that was begun; `start` begins anew. */
  stop(): void {
    this.reading += 1
    window.clearTimeout(this.timer)
    this.following?.stop()
    this.following = undefined
  }

  /** Looks through the whole log for what `filter` lets through; the tail stays as it is. */
  readonly lookFor = (filter: LineFilter): void => {
    if (filter === this.snapshot.filter) return
    this.beginToLook(filter)
    this.change({ filter, matches: [] })
    if (this.matching !== null) void this.loadOlder()
  }

  /** Reads the page of lines, or of matches, before the first one that is there. */
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

  private beginToLook(filter: LineFilter): void {
    this.matching = isEveryLine(filter) ? null : new OlderLogLines(this.client, this.id, filter)
  }

  private forgetPages(): void {
    this.older = new OlderLogLines(this.client, this.id)
    this.beginToLook(this.snapshot.filter)
  }

  private async read(): Promise<boolean> {
    const reading = this.reading
    const { data, error } = await this.client.query(PRESENT, { id: this.id })
    if (reading !== this.reading) return false
    if (data === undefined) {
      this.fail(explain(error), this.start)
      this.timer = window.setTimeout(this.start, RETRY)
      return false
    }
    if (data.execution === null) {
      this.change({ state: this.snapshot.execution === null ? 'missing' : 'gone', error: null, status: null })
      return false
    }
    const { steps, logs, ...execution } = data.execution
    this.forgetPages()
    this.change({
      state: 'present',
      execution,
      steps: steps.nodes,
      tail: append(NO_LINES, logs.nodes),
      matches: [],
      error: null,
    })
    return true
  }

  private follow(): void {
    const query = stringifyDocument(ACTIVITY)
    this.following = this.connection.follow<Activity>(
      {
        operation: (after) => ({ query, variables: { id: this.id, after } }),
        read: (data) => (data as { executionActivity: Activity }).executionActivity,
        onEvents: (events) => this.take(events),
        onStatus: (status) => {
          if (this.snapshot.status !== null && status !== this.snapshot.status) this.change({ status })
        },
        onBehind: (behindSeconds) => {
          if (behindSeconds !== this.snapshot.behindSeconds) this.change({ behindSeconds })
        },
        onStale: () => void this.catchUp(),
        onError: (error) => this.fail(error, this.start),
        onComplete: () => this.change({ status: null }),
      },
      null,
    )
  }

  private async catchUp(): Promise<void> {
    if (this.snapshot.status === 'polling') await this.read()
    else this.start()
  }

  private take(events: Activity[]): void {
    let { execution, state } = this.snapshot
    let lines: LogLine[] = []
    let { tail, matches } = this.snapshot
    const steps = new Map(this.snapshot.steps.map((step) => [step.stepId, step]))
    for (const event of events) {
      if (event.__typename === 'StepUpdate') {
        steps.set(event.step.stepId, event.step)
      } else if (event.__typename === 'LogAppended') {
        lines.push(event.entry)
      } else if (event.kind === 'LEFT' || event.kind === 'DELETED') {
        state = 'gone'
      } else if (event.execution !== null) {
        execution = event.execution
        if (event.kind === 'ENTERED') {
          // The present state begins: what is there has been read before, and comes again.
          steps.clear()
          lines = []
          tail = NO_LINES
          matches = []
          this.forgetPages()
        }
      }
    }
    const ordered = [...steps.values()].sort((one, other) => one.index - other.index)
    const isGone = state === 'gone'
    tail = append(tail, lines)
    this.change({ state, execution, steps: ordered, tail, matches, ...(isGone ? { status: null } : {}) })
  }

  /** What failed last, once more. */
  readonly tryAgain = (): void => {
    this.change({ error: null })
    this.again()
  }

  private fail(error: string, again: () => void): void {
    this.again = again
    this.change({ error })
  }

  private change(part: Partial<Snapshot>): void {
    const { tail, matches } = { ...this.snapshot, ...part }
    const held = this.matching === null ? tail.lines : matches
    const isPart = FIRST_LINES <= tail.lines.length && held.length < MOST_LINES
    const hasOlderLines = isPart && this.older.hasMore && this.matching?.hasMore !== false
    const isLoadingOlder = (this.matching ?? this.older).isReading
    this.snapshot = { ...this.snapshot, ...part, hasOlderLines, isLoadingOlder }
    this.listeners.forEach((tell) => tell())
  }
}
