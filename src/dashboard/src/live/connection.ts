import { messages } from '../messages/messages.ts'
import { LagMeter, type LiveStatus } from '../model/liveStatus.ts'
import { afterFailure, afterSuccess, FIRST_ATTEMPT, POLLING_LASTS, type Attempt } from '../model/reconnection.ts'
import type { OpenStream, Payload, StreamEnd, SubscriptionRequest } from './eventStream.ts'
import { createEventSourceTransport } from './serverSentEvents.ts'
import { createWebSocketTransport } from './webSocket.ts'

/** The fields that every event of a subscription has. */
export interface LiveEvent {
  cursor: string
  occurredAt: string
}

/** What a subscriber requests, and its callbacks. */
export interface Subscriber<E extends LiveEvent> {
  /** The request that starts right after the cursor `after`. */
  request: (after: string | null) => SubscriptionRequest
  /** The event in the data of a payload. */
  read: (data: unknown) => E
  /** Events in order, those of one animation frame together. */
  onEvents: (events: E[]) => void
  onStatus: (status: LiveStatus) => void
  /** The lag of the server behind its database in seconds, as far as the server reports it; otherwise 0. */
  onBehind: (seconds: number) => void
  /** Events may have been missed: everything must be read again. While polling, called every few seconds. */
  onStale: () => void
  /** The server has rejected the request; `message` is a sentence for people. */
  onError?: (message: string) => void
  /** The server has completed the subscription. */
  onComplete?: () => void
}

/** A subscription that survives lost connections. */
export interface Subscription {
  /** Ends it and returns the cursor of the last event that was delivered. */
  stop: () => string | null
  /** Continues right after `cursor`, once everything has been read again. */
  resumeFrom: (cursor: string) => void
}

const POLL_INTERVAL = 3_000
// As many as one second brings at 500 events a second.
const MAX_PENDING = 500

type Transports = Record<'websocket' | 'sse', OpenStream>

/** The subscriptions of a session, all over one socket. */
export class Connection {
  private readonly transports: Transports

  constructor(
    token: string,
    private readonly onRefused: (reason: string) => void,
  ) {
    this.transports = {
      websocket: createWebSocketTransport('/graphql', token),
      sse: createEventSourceTransport('/graphql', token),
    }
  }

  /** Subscribes to the events right after the cursor `after`, until the subscription is stopped. */
  subscribe<E extends LiveEvent>(subscriber: Subscriber<E>, after: string | null): Subscription {
    return new ResumingSubscription(this.transports, subscriber, after, this.onRefused)
  }
}

class ResumingSubscription<E extends LiveEvent> implements Subscription {
  private attempt: Attempt = FIRST_ATTEMPT
  private readonly lag = new LagMeter()
  private pending: E[] = []
  // Cursors of the last event: the one that was received, and the one that the subscriber got.
  private received: string | null
  private delivered: string | null
  private frame: number | undefined
  private timer: number | undefined
  private polling: number | undefined
  private close: (() => void) | undefined
  private isStopped = false

  constructor(
    private readonly transports: Transports,
    private readonly subscriber: Subscriber<E>,
    after: string | null,
    private readonly onRefused: (reason: string) => void,
  ) {
    this.received = this.delivered = after
    subscriber.onStatus('connecting')
    window.addEventListener('online', this.reconnectNow)
    this.open()
  }

  stop(): string | null {
    this.isStopped = true
    window.removeEventListener('online', this.reconnectNow)
    this.disconnect()
    if (this.frame !== undefined) window.cancelAnimationFrame(this.frame)
    return this.delivered
  }

  resumeFrom(cursor: string): void {
    this.pending = []
    this.received = this.delivered = cursor
    // No stream is open while polling, and the next attempt is scheduled.
    if (this.attempt.transport === 'polling') return
    this.disconnect()
    this.open()
  }

  private disconnect(): void {
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
    this.close = this.transports[transport](this.subscriber.request(this.received), {
      onOpen: () => this.succeed(),
      onPayload: (payload) => this.receive(payload),
      onBehind: (seconds) => this.subscriber.onBehind(seconds),
      onEnd: (end) => this.handleEnd(end),
    })
  }

  private succeed(): void {
    this.attempt = afterSuccess(this.attempt)
    this.subscriber.onStatus('live')
  }

  private receive(payload: Payload): void {
    if (payload.errors !== undefined) {
      this.handleErrors(payload.errors)
      return
    }
    if (!this.attempt.hasWorked) this.succeed()
    const event = this.subscriber.read(payload.data)
    this.received = event.cursor
    this.pending.push(event)
    // A hidden tab has no animation frames.
    if (this.pending.length >= MAX_PENDING) this.deliver()
    else this.frame ??= window.requestAnimationFrame(() => this.deliver())
  }

  private handleErrors(errors: NonNullable<Payload['errors']>): void {
    const [first] = errors
    const code = first?.extensions?.code
    if (code === 'UNAUTHENTICATED') this.onRefused(first?.message ?? '')
    // The cursor is too old, or signed with another secret.
    else if (code === 'INVALID_CURSOR') this.subscriber.onStale()
    else this.subscriber.onError?.(first?.message ?? messages.model.live.rejected)
  }

  private deliver(): void {
    if (this.frame !== undefined) window.cancelAnimationFrame(this.frame)
    this.frame = undefined
    const events = this.pending
    this.pending = []
    const last = events.at(-1)
    if (this.isStopped || last === undefined) return
    this.delivered = last.cursor
    this.subscriber.onStatus(this.lag.isLate(Date.parse(last.occurredAt), Date.now()) ? 'behind' : 'live')
    this.subscriber.onEvents(events)
  }

  private handleEnd(end: StreamEnd): void {
    if (this.isStopped) return
    this.close = undefined
    // The next connection may be to another server, without a lag.
    this.subscriber.onBehind(0)
    if (end.cause === 'refused') {
      this.onRefused(end.reason)
      return
    }
    if (end.cause === 'complete' && this.subscriber.onComplete !== undefined) {
      this.subscriber.onComplete()
      return
    }
    this.attempt = afterFailure(this.attempt, Math.random())
    if (this.attempt.transport !== 'polling') this.subscriber.onStatus('reconnecting')
    this.timer = window.setTimeout(() => this.open(), this.attempt.delay)
  }

  private poll(): void {
    this.subscriber.onStatus('polling')
    this.subscriber.onStale()
    this.polling = window.setInterval(() => this.subscriber.onStale(), POLL_INTERVAL)
    this.timer = window.setTimeout(() => {
      this.disconnect()
      this.attempt = FIRST_ATTEMPT
      this.open()
    }, POLLING_LASTS)
  }

  /** The network is back, so there is no reason to wait. */
  private readonly reconnectNow = (): void => {
    if (this.close !== undefined || this.isStopped) return
    this.disconnect()
    this.attempt = { ...this.attempt, failures: 0 }
    this.open()
  }
}
