import { messages } from '../messages/messages.ts'
import { formatElapsed } from './numbers.ts'

/** How changes reach the page. */
export type LiveStatus = 'connecting' | 'live' | 'reconnecting' | 'behind' | 'polling'

/** The indicator's tone, name and explanation while the server lags `behindSeconds` behind its database. */
export function describeLive(
  status: LiveStatus,
  behindSeconds: number,
): { tone: LiveStatus; name: string; meaning: string } {
  const isConnected = status === 'live' || status === 'behind'
  if (isConnected && behindSeconds > 0) {
    const { liveBehind, serverBehind } = messages.model.live
    return { tone: 'behind', name: liveBehind(formatElapsed(behindSeconds)), meaning: serverBehind }
  }
  return { tone: status, ...messages.model.live[status] }
}

/** The lag of the server in seconds, from the payload of a WebSocket ping; null when it has none. */
export function behindSecondsOf(payload: unknown): number | null {
  if (typeof payload !== 'object' || payload === null || !('behindSeconds' in payload)) return null
  const { behindSeconds } = payload
  return typeof behindSeconds === 'number' && behindSeconds >= 0 ? behindSeconds : null
}

/** The lag of the server in seconds, from a comment in Server-Sent Events without its colon; null when it has none. */
export function behindSecondsOfComment(comment: string): number | null {
  const digits = /^ ?behindSeconds=(\d+)$/.exec(comment)?.[1]
  return digits === undefined ? null : Number(digits)
}

// Milliseconds; longer than commits, sockets and frames take together.
const LATE = 3_000

/** Detects events that arrive later than before; the clocks of page and server need not agree. */
export class LagMeter {
  private smallestAge = Infinity

  /** Whether an event of `occurredAt` that was received at `now` (milliseconds) is late. */
  isLate(occurredAt: number, now: number): boolean {
    const age = now - occurredAt
    this.smallestAge = Math.min(this.smallestAge, age)
    return age - this.smallestAge > LATE
  }
}
