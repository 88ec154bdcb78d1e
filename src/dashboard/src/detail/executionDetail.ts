import { stringifyDocument, type Client } from '@urql/core'
import { explain } from '../graphql/client.ts'
import type { Connection, Following } from '../live/follow.ts'
import { append, prepend, type Tail } from '../model/lines.ts'
import type { LiveStatus } from '../model/transport.ts'
import {
  ACTIVITY,
  EARLIER_LINES,
  PRESENT,
  type Activity,
  type Execution,
  type LogLine,
  type Step,
} from './operations.ts'

/** One execution at one moment. */
export interface Snapshot {
  state: 'loading' | 'missing' | 'present' | 'gone'
  execution: Execution | null
  /** In the order of the workflow. */
  steps: readonly Step[]
  tail: Tail<LogLine>
  hasEarlierLines: boolean
  isReadingEarlier: boolean
  /** What failed last, as a sentence. */
  error: string | null
  /** How the page hears of changes; null once there are no more to come. */
  status: LiveStatus | null
}

const NO_LINES: Tail<LogLine> = { lines: [], dropped: 0 }
const NOTHING: Snapshot = {
  state: 'loading',
  execution: null,
  steps: [],
  tail: NO_LINES,
  hasEarlierLines: true,
  isReadingEarlier: false,
  error: null,
  status: 'connecting',
}
const RETRY = 4_000
// Lines that were written since the first were read may fill as many pages before what is there is found again.
const MOST_PAGES_BACK = 20

/** One execution with its steps and its log, kept up to date until it is stopped. */
export class ExecutionDetail {
  private snapshot = NOTHING
  private readonly listeners = new Set<() => void>()
  private following: Following | undefined
  private timer: number | undefined
  private earliest: string | null = null
  // Whether the first line that is there has been found among the pages.
  private hasJoined = false
  // Answers to what was asked before the latest begin are dropped.
  private reading = 0
  private again: () => void = () => this.start()

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private readonly id: string,
  ) {}

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

  /** Reads the page of lines before the first one that is there. */
  readonly readEarlier = async (): Promise<void> => {
    if (this.snapshot.isReadingEarlier || !this.snapshot.hasEarlierLines) return
    const reading = this.reading
    this.change({ isReadingEarlier: true })
    for (let page = 0; page < MOST_PAGES_BACK; page += 1) {
      const { data, error } = await this.client.query(EARLIER_LINES, { id: this.id, before: this.earliest })
      if (reading !== this.reading) return
      const logs = data?.execution?.logs
      if (logs === undefined) {
        this.change({ isReadingEarlier: false })
        this.fail(explain(error), () => void this.readEarlier())
        return
      }
      const earlier = this.before(logs.edges)
      this.earliest = logs.edges[0]?.cursor ?? this.earliest
      if (earlier.length > 0 || !logs.pageInfo.hasPreviousPage) {
        const tail = prepend(this.snapshot.tail, earlier)
        this.change({ tail, hasEarlierLines: logs.pageInfo.hasPreviousPage, isReadingEarlier: false, error: null })
        return
      }
    }
    this.change({ isReadingEarlier: false })
  }

  /** The lines among `edges` that come before what is there: pages and events tell lines by their content alone. */
  private before(edges: readonly { node: LogLine }[]): LogLine[] {
    const lines = edges.map((edge) => edge.node)
    const first = this.snapshot.tail.lines[0]
    if (first === undefined || this.hasJoined) return lines
    const at = lines.findIndex((line) => line.at === first.at && line.message === first.message)
    this.hasJoined = at >= 0
    return lines.slice(0, Math.max(0, at))
  }

  private forgetPages(): void {
    this.earliest = null
    this.hasJoined = false
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
      hasEarlierLines: true,
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
    let tail = this.snapshot.tail
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
          this.forgetPages()
        }
      }
    }
    const ordered = [...steps.values()].sort((one, other) => one.index - other.index)
    const isGone = state === 'gone'
    this.change({ state, execution, steps: ordered, tail: append(tail, lines), ...(isGone ? { status: null } : {}) })
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
    this.snapshot = { ...this.snapshot, ...part }
    this.listeners.forEach((tell) => tell())
  }
}
