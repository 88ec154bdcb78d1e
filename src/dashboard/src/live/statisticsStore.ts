import type { LiveStatus } from '../model/liveStatus.ts'
import { Pace } from '../model/pace.ts'
import type { Connection, LiveEvent, Subscription } from './connection.ts'
import type { SubscriptionRequest } from './eventStream.ts'

// Milliseconds after which what could not be read, or cannot be followed, is read again.
const RETRY = 4_000
const REFRESH = 60_000
// Milliseconds between two reads at least, however much happens meanwhile.
const PAUSE = 2_000

/** What all statistics have, so that they can be followed. */
export interface Statistics {
  readonly asOf: string
  readonly liveCursor: string
}

/** What was read, or why it could not be. */
export type Answer<T> = { readonly data: T } | Problem

export interface Problem {
  /** A sentence for people. */
  readonly error: string
  /** Whether the server could not be reached, so that another attempt may succeed. */
  readonly isUnreachable: boolean
}

/** How the statistics of a page are read and followed, and what is read beside them. */
export interface StatisticsSource<S extends Statistics, D> {
  read: () => Promise<Answer<S>>
  /** The subscription to the same statistics. */
  request: (after: string | null) => SubscriptionRequest
  pick: (data: unknown) => S
  /** Reads what cannot be followed, such as error groups. */
  readDetails: () => Promise<Answer<D>>
  /** Whether the details may be others, now that the statistics are. */
  changesDetails: (before: S, after: S) => boolean
}

/** What a page shows; what has not been read yet, or could not be, is null. */
export interface StatisticsSnapshot<S, D> {
  readonly statistics: S | null
  readonly details: D | null
  readonly error: string | null
  readonly status: LiveStatus
}

/** The statistics of a page, live; those of one source stay until those of the next have been read. */
export class StatisticsStore<S extends Statistics, D> {
  private snapshot: StatisticsSnapshot<S, D> = { statistics: null, details: null, error: null, status: 'connecting' }
  private readonly listeners = new Set<() => void>()
  private shown: Following<S, D> | undefined

  constructor(private readonly connection: Connection) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getSnapshot = (): StatisticsSnapshot<S, D> => this.snapshot

  /** Reads and follows `source`, until the returned function is called. */
  show(source: StatisticsSource<S, D>): () => void {
    const following = new Following(this.connection, source, (changes) => {
      if (following === this.shown) this.change(changes)
    })
    this.shown = following
    following.start()
    return () => following.stop()
  }

  /** Reads everything again. */
  readonly read = (): void => void this.shown?.read()

  /** Changes details that were read, such as after a mutation. */
  changeDetails(change: (details: D) => D): void {
    const { details } = this.snapshot
    if (details !== null) this.change({ details: change(details) })
  }

  private change(changes: Partial<StatisticsSnapshot<S, D>>): void {
    this.snapshot = { ...this.snapshot, ...changes }
    this.listeners.forEach((notify) => notify())
  }
}

interface Change<S> extends LiveEvent {
  statistics: S
}

/** One source that is read, followed, and stopped. */
class Following<S extends Statistics, D> {
  private readonly reads = new Pace(() => this.readStatistics(), PAUSE)
  private readonly details = new Pace(() => this.readDetails(), PAUSE)
  private latest: S | null = null
  private status: LiveStatus | undefined
  private subscription: Subscription | undefined
  private timer: number | undefined
  private isStopped = false

  constructor(
    private readonly connection: Connection,
    private readonly source: StatisticsSource<S, D>,
    private readonly onChange: (changes: Partial<StatisticsSnapshot<S, D>>) => void,
  ) {}

  start(): void {
    void this.read()
  }

  stop(): void {
    this.isStopped = true
    window.clearTimeout(this.timer)
    this.reads.stop()
    this.details.stop()
    this.subscription?.stop()
  }

  async read(): Promise<void> {
    this.details.need()
    await this.readStatistics()
  }

  private async readStatistics(): Promise<void> {
    window.clearTimeout(this.timer)
    const answer = await this.source.read()
    if (this.isStopped) return
    if ('error' in answer) {
      this.onChange({ error: answer.error })
      this.readLater(answer.isUnreachable ? RETRY : REFRESH)
      return
    }
    this.latest = answer.data
    this.onChange({ statistics: answer.data, error: null })
    this.follow(answer.data.liveCursor)
  }

  private async readDetails(): Promise<void> {
    const answer = await this.source.readDetails()
    if (this.isStopped) return
    this.onChange('error' in answer ? { error: answer.error } : { details: answer.data })
  }

  private readLater(delay: number): void {
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => void this.read(), delay)
  }

  private follow(after: string): void {
    if (this.subscription !== undefined) {
      this.subscription.resumeFrom(after)
      return
    }
    this.subscription = this.connection.subscribe<Change<S>>(
      {
        request: this.source.request,
        read: (data) => {
          const statistics = this.source.pick(data)
          return { statistics, cursor: statistics.liveCursor, occurredAt: statistics.asOf }
        },
        onEvents: (changes) => this.apply(changes.at(-1)?.statistics),
        onStatus: (status) => {
          if (status === this.status) return
          this.status = status
          this.onChange({ status })
        },
        onBehind: () => undefined,
        onStale: () => {
          this.reads.need()
          this.details.need()
        },
        // What can be read is not always what can be followed.
        onError: () => {
          this.subscription?.stop()
          this.subscription = undefined
          this.status = 'polling'
          this.onChange({ status: 'polling' })
          this.readLater(REFRESH)
        },
      },
      after,
    )
  }

  private apply(statistics: S | undefined): void {
    if (statistics === undefined) return
    const before = this.latest
    this.latest = statistics
    this.onChange({ statistics, error: null })
    if (before === null || this.source.changesDetails(before, statistics)) this.details.need()
  }
}
