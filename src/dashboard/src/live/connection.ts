import {
  afterFailure,
  afterSuccess,
  FIRST_ATTEMPT,
  LagMeter,
  POLLING_LASTS,
  type Attempt,
  type LiveStatus,
} from '../model/reconnection.ts'
import type { Answer, Ending, OpenStream, Operation } from './eventStream.ts'
import { openSockets } from './webSocket.ts'
import { openEventStreams } from './serverSentEvents.ts'

/** What every event of a subscription has. */
export interface LiveEvent {
  cursor: string
  occurredAt: string
}

/** Whoever follows a subscription. */
export interface Follower<E extends LiveEvent> {
  /** The operation that begins right behind the cursor `after`. */
  operation: (after: string | null) => Operation
  /** The event in the data of an answer. */
  read: (data: unknown) => E
  /** Events in their order, all of a frame at once. */
  onEvents: (events: E[]) => void
  onStatus: (status: LiveStatus) => void
  /** How many seconds the server is behind its database, as far as it says; 0 when it is not. */
  onBehind: (seconds: number) => void
  /** Events may have been missed, or none come: read everything again. Called every few seconds while polling. */
  onStale: () => void
  /** The server refuses the operation, as a sentence. */
  onError?: (message: string) => void
  /** The server has said all there is to say. */
  onComplete?: () => void
}

/** A subscription that goes on through lost connections. */
export interface Following {
  /** Ends it; tells the cursor behind which everything is still to come. */
  stop: () => string | null
  /** Goes on right behind `cursor`: for whoever has read everything again. */
  resumeFrom: (cursor: string) => void
}

const POLL_EVERY = 3_000
// What 500 events a second amount to in one.
const MOST_PENDING = 500

/** What a session follows its subscriptions through: one socket for all of them. */
export class Connection {
  private readonly ways: Record<'websocket' | 'sse', OpenStream>

  constructor(
    token: string,
    private readonly onRefused: (reason: string) => void,
  ) {
    this.ways = {
      websocket: openSockets('/graphql', token),
      sse: openEventStreams('/graphql', token),
    }
  }

  /** Follows a subscription from behind the cursor `after`, until it is stopped. */
  follow<E extends LiveEvent>(follower: Follower<E>, after: string | null): Following {
    return new Subscription(this.ways, follower, after, this.onRefused)
  }
}

class Subscription<E extends LiveEvent> implements Following {
  private attempt: Attempt = FIRST_ATTEMPT
  private readonly lag = new LagMeter()
  private pending: E[] = []
  // The cursor of the last event that the follower was given.
  private told: string | null
  private frame: number | undefined
  private timer: number | undefined
  private polling: number | undefined
  private close: (() => void) | undefined
  private isStopped = false

  constructor(
    private readonly ways: Record<'websocket' | 'sse', OpenStream>,
    private readonly follower: Follower<E>,
    private after: string | null,
    private readonly onRefused: (reason: string) => void,
  ) {
    this.told = after
    follower.onStatus('connecting')
    window.addEventListener('online', this.hurry)
    this.open()
  }

  stop(): string | null {
    this.isStopped = true
    window.removeEventListener('online', this.hurry)
    this.silence()
    if (this.frame !== undefined) window.cancelAnimationFrame(this.frame)
    return this.told
  }

  resumeFrom(cursor: string): void {
    this.pending = []
    this.after = this.told = cursor
    // Nothing is open then, and what follows is already planned.
    if (this.attempt.transport === 'polling') return
    this.silence()
    this.open()
  }

  private silence(): void {
    window.clearTimeout(this.timer)
    window.clearInterval(this.polling)
    this.close?.()
    this.close = undefined
  }

  private open(): void {
    const { transport } = this.attempt
    if (transport === 'polling') {
      this.poll()
      return
    }
    this.close = this.ways[transport](this.follower.operation(this.after), {
      onOpen: () => this.succeed(),
      onAnswer: (answer) => this.take(answer),
      onBehind: (seconds) => this.follower.onBehind(seconds),
      onEnd: (ending) => this.end(ending),
    })
  }

  private succeed(): void {
    this.attempt = afterSuccess(this.attempt)
    this.follower.onStatus('live')
  }

  private take(answer: Answer): void {
    if (answer.errors !== undefined) {
      this.takeErrors(answer.errors)
      return
    }
    if (!this.attempt.hasWorked) this.succeed()
    const event = this.follower.read(answer.data)
    this.after = event.cursor
    this.pending.push(event)
    // A hidden tab has no frames.
    if (this.pending.length >= MOST_PENDING) this.deliver()
    else this.frame ??= window.requestAnimationFrame(() => this.deliver())
  }

  private takeErrors(errors: NonNullable<Answer['errors']>): void {
    const [first] = errors
    const code = first?.extensions?.code
    if (code === 'UNAUTHENTICATED') this.onRefused(first?.message ?? '')
    // The cursor is too old, or of a server with other secrets: only a re-read helps.
    else if (code === 'INVALID_CURSOR') this.follower.onStale()
    else this.follower.onError?.(first?.message ?? 'The server refuses this.')
  }

  private deliver(): void {
    if (this.frame !== undefined) window.cancelAnimationFrame(this.frame)
    this.frame = undefined
    const events = this.pending
    this.pending = []
    const last = events.at(-1)
    if (this.isStopped || last === undefined) return
    this.told = last.cursor
    this.follower.onStatus(this.lag.isLate(Date.parse(last.occurredAt), Date.now()) ? 'behind' : 'live')
    this.follower.onEvents(events)
  }

  private end(ending: Ending): void {
    if (this.isStopped) return
    this.close = undefined
    // Another server may answer next.
    this.follower.onBehind(0)
    if (ending.because === 'refused') {
      this.onRefused(ending.reason)
      return
    }
    if (ending.because === 'complete' && this.follower.onComplete !== undefined) {
      this.follower.onComplete()
      return
    }
    this.attempt = afterFailure(this.attempt, Math.random())
    if (this.attempt.transport !== 'polling') this.follower.onStatus('reconnecting')
    this.timer = window.setTimeout(() => this.open(), this.attempt.delay)
  }

  private poll(): void {
    this.follower.onStatus('polling')
    this.follower.onStale()
    this.polling = window.setInterval(() => this.follower.onStale(), POLL_EVERY)
    this.timer = window.setTimeout(() => {
      this.silence()
      this.attempt = FIRST_ATTEMPT
      this.open()
    }, POLLING_LASTS)
  }

  /** The network is back: no reason to wait any longer. */
  private readonly hurry = (): void => {
    if (this.close !== undefined || this.isStopped) return
    this.silence()
    this.attempt = { ...this.attempt, failures: 0 }
    this.open()
  }
}
