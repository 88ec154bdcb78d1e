import { stringifyDocument, type Client, type CombinedError } from '@urql/core'
import { codeOf, explain } from '../graphql/client.ts'
import type { Connection, LiveEvent, Subscription } from '../live/connection.ts'
import type { LiveStatus } from '../model/liveStatus.ts'
import { countOf, rangesOf, runningFilter } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import {
  FOLLOW_PRESENT,
  READ_ANY,
  READ_PAST,
  READ_PRESENT,
  READ_TROUBLE,
  type Past,
  type Present,
  type Trouble,
} from './operations.ts'

// Milliseconds after which what is not followed live is read again.
const REFRESH = 60_000
// Milliseconds between two reads of what failed, however many fail meanwhile.
const LEAST_BETWEEN = 15_000
const RETRY_AFTER = 4_000

/** Why the statistics could not be read. */
export interface Failure {
  message: string
  /** Whether there is too much to read; a shorter range or a sample would do. */
  isTooMuch: boolean
  /** From when on there would be time to read all; null where that is not known. */
  since: string | null
}

/** What the overview shows; what has not been read yet, or could not be, is null. */
export interface Snapshot {
  present: Present | null
  past: Past | null
  trouble: Trouble | null
  /** Whether there are executions at all, where the range has none; otherwise null. */
  hasAny: boolean | null
  error: Failure | null
  pastError: string | null
  troubleError: string | null
  status: LiveStatus
}

export const INITIAL: Snapshot = {
  present: null,
  past: null,
  trouble: null,
  hasAny: null,
  error: null,
  pastError: null,
  troubleError: null,
  status: 'connecting',
}

interface Change extends LiveEvent {
  present: Present
}

/** The statistics of a scope: read once, then followed until they are stopped. */
export class OverviewStore {
  private snapshot = INITIAL
  private readonly listeners = new Set<() => void>()
  private subscription: Subscription | undefined
  private timer: number | undefined
  private retry: number | undefined
  private isStopped = true
  private readTroubleAt = 0

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private readonly scope: Scope,
    private readonly timeZone: string,
    private readonly allowSampling: boolean,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getSnapshot = (): Snapshot => this.snapshot

  /** Reads the range, then what it is compared with, and follows it. */
  start(): void {
    this.isStopped = false
    void this.read()
    this.timer = window.setInterval(() => {
      if (this.subscription === undefined) void this.read()
      else void this.readRest()
    }, REFRESH)
  }

  /** Ends the subscription and the timers; what is being read is dropped. */
  stop(): void {
    this.isStopped = true
    window.clearInterval(this.timer)
    window.clearTimeout(this.retry)
    this.subscription?.stop()
    this.subscription = undefined
  }

  readonly read = async (): Promise<void> => {
    window.clearTimeout(this.retry)
    const { present: filter } = rangesOf(this.scope, Date.now())
    const { timeZone, allowSampling } = this
    const { data, error } = await this.client.query(READ_PRESENT, { filter, timeZone, allowSampling }).toPromise()
    if (this.isStopped) return
    if (!data) {
      const failure = failureOf(error)
      this.change({ error: failure })
      if (!failure.isTooMuch) this.retry = window.setTimeout(() => void this.read(), RETRY_AFTER)
      return
    }
    this.change({ present: data.executionStatistics, error: null })
    // A sample is read again and again; it cannot be followed.
    if (!allowSampling) this.follow(data.executionStatistics.liveCursor)
    await this.readRest()
  }

  /** What is compared with, and what is wrong; at once, since the page shows one without the other. */
  private async readRest(): Promise<void> {
    const ranges = rangesOf(this.scope, Date.now())
    const { allowSampling } = this
    const past = this.client
      .query(READ_PAST, { before: ranges.before, usual: ranges.usual, allowSampling })
      .toPromise()
      .then(({ data, error }) => {
        if (data) this.change({ past: data, pastError: null })
        else this.change({ pastError: explain(error) })
      })
    await Promise.all([past, this.readTrouble(), this.readAny()])
  }

  private async readTrouble(): Promise<void> {
    this.readTroubleAt = Date.now()
    const { present: filter } = rangesOf(this.scope, Date.now())
    const running = runningFilter(this.scope.filter, Date.now())
    const { data, error } = await this.client.query(READ_TROUBLE, { filter, running }).toPromise()
    if (data) this.change({ trouble: data, troubleError: null })
    else this.change({ troubleError: explain(error) })
  }

  private async readAny(): Promise<void> {
    if (this.snapshot.present?.count !== 0) return
    const { data } = await this.client.query(READ_ANY, {}).toPromise()
    if (data) this.change({ hasAny: data.executions.nodes.length > 0 })
  }

  private follow(after: string): void {
    if (this.subscription !== undefined) {
      this.subscription.resumeFrom(after)
      return
    }
    const query = stringifyDocument(FOLLOW_PRESENT)
    const { present: filter } = rangesOf(this.scope, Date.now())
    this.subscription = this.connection.subscribe<Change>(
      {
        request: (cursor) => ({ query, variables: { filter, timeZone: this.timeZone, after: cursor } }),
        read: (data) => {
          const { executionStatisticsUpdates: present } = data as { executionStatisticsUpdates: Present }
          return { present, cursor: present.liveCursor, occurredAt: present.asOf }
        },
        onEvents: (changes) => this.apply(changes.at(-1)?.present),
        onStatus: (status) => {
          if (status !== this.snapshot.status) this.change({ status })
        },
        onBehind: () => undefined,
        onStale: () => void this.read(),
        // What can be read is not always what can be followed: it is read again each minute.
        onError: () => {
          this.subscription?.stop()
          this.subscription = undefined
          this.change({ status: 'polling' })
        },
      },
      after,
    )
  }

  private apply(present: Present | undefined): void {
    if (present === undefined) return
    const before = this.snapshot.present
    this.change({ present, error: null })
    const hasMoreFailures = before !== null && failedOf(present) > failedOf(before)
    if (hasMoreFailures && Date.now() - this.readTroubleAt > LEAST_BETWEEN) void this.readTrouble()
  }

  private change(changes: Partial<Snapshot>): void {
    if (this.isStopped) return
    this.snapshot = { ...this.snapshot, ...changes }
    this.listeners.forEach((notify) => notify())
  }
}

/** How many executions of the range have failed or timed out. */
export function failedOf({ byStatus }: Pick<Present, 'byStatus'>): number {
  return countOf(byStatus, 'FAILED', 'TIMED_OUT')
}

function failureOf(error: CombinedError | undefined): Failure {
  const since = error?.graphQLErrors[0]?.extensions.since
  return {
    message: explain(error),
    isTooMuch: error !== undefined && codeOf(error) === 'QUERY_TIMEOUT',
    since: typeof since === 'string' ? since : null,
  }
}
