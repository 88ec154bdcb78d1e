import { stringifyDocument, type Client } from '@urql/core'
import type { Connection, LiveEvent, Subscription } from '../live/connection.ts'
import { startOfBars, toBuckets, type Bucket } from '../model/histogram.ts'
import { rangesOf, withRange } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import { FOLLOW_SERIES, READ_SERIES, type Series } from './histogramOperations.ts'

// As far back as the server counts where no start of the range is given.
const ANY_TIME = '-30d'
// Milliseconds after which what is not followed live is read again.
const REFRESH = 60_000

/** What the histogram shows. */
export interface HistogramState {
  /** Null until they have been read. */
  buckets: readonly Bucket[] | null
  /** Whether they are estimated from a sample, since there are too many executions to count. */
  isEstimate: boolean
  /** Whether the last attempt to read them failed. */
  hasFailed: boolean
}

interface Change extends LiveEvent {
  series: Series
}

/** Reads how many executions of a scope were created when, and follows it until it is stopped. */
export class SeriesReader {
  private subscription: Subscription | undefined
  private readonly timer: number
  private isStopped = false

  constructor(
    private readonly client: Client,
    private readonly connection: Connection,
    private scope: Scope,
    private readonly timeZone: string,
    private readonly onChange: (state: Partial<HistogramState>) => void,
  ) {
    void this.read()
    this.timer = window.setInterval(() => {
      if (this.subscription === undefined && document.visibilityState === 'visible') void this.read()
    }, REFRESH)
  }

  /** Ends the subscription; what is being read is dropped. */
  stop(): void {
    this.isStopped = true
    window.clearInterval(this.timer)
    this.subscription?.stop()
  }

  private async read(): Promise<void> {
    const filter = this.filterNow()
    const { data } = await this.client.query(READ_SERIES, { filter, timeZone: this.timeZone }).toPromise()
    if (this.isStopped) return
    if (!data) {
      this.onChange({ hasFailed: true })
      return
    }
    const { executionStatistics: series } = data
    const start = this.scope.since === null ? startOfBars(toBuckets(series.series)) : null
    if (start !== null) {
      // Nearly all of the range is empty: shorter buckets tell more of the rest.
      this.scope = { ...this.scope, since: new Date(start).toISOString() }
      await this.read()
      return
    }
    this.show(series)
    if (series.basis !== 'SAMPLED') this.follow(series.liveCursor)
  }

  private follow(after: string): void {
    if (this.subscription !== undefined) {
      this.subscription.resumeFrom(after)
      return
    }
    const query = stringifyDocument(FOLLOW_SERIES)
    const filter = this.filterNow()
    this.subscription = this.connection.subscribe<Change>(
      {
        request: (cursor) => ({ query, variables: { filter, timeZone: this.timeZone, after: cursor } }),
        read: (data) => {
          const { executionStatisticsUpdates: series } = data as { executionStatisticsUpdates: Series }
          return { series, cursor: series.liveCursor, occurredAt: series.asOf }
        },
        onEvents: (changes) => {
          const last = changes.at(-1)
          if (last !== undefined) this.show(last.series)
        },
        onStatus: () => undefined,
        onBehind: () => undefined,
        onStale: () => void this.read(),
        // What can be read is not always what can be followed: it is read again each minute.
        onError: () => {
          this.subscription?.stop()
          this.subscription = undefined
        },
      },
      after,
    )
  }

  private show({ series, basis }: Series): void {
    this.onChange({ buckets: toBuckets(series), isEstimate: basis === 'SAMPLED', hasFailed: false })
  }

  private filterNow() {
    const now = Date.now()
    return rangesOf(withRange(this.scope, now, ANY_TIME), now).present
  }
}
