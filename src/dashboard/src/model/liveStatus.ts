import { formatElapsed } from './numbers.ts'

/** How changes reach the page. */
export type LiveStatus = 'connecting' | 'live' | 'reconnecting' | 'behind' | 'polling'

const DESCRIPTIONS: Record<LiveStatus, readonly [name: string, meaning: string]> = {
  connecting: ['Connecting', 'The page is subscribing to changes.'],
  live: ['Live', 'Changes appear as they happen.'],
  reconnecting: ['Reconnecting', 'The connection was lost. Once it is back, the page catches up; no change is missed.'],
  behind: ['Behind', 'Changes arrive late; the page is catching up.'],
  polling: ['Polling', 'No live connection is possible; the page refreshes every few seconds.'],
}

/** The indicator's tone, name and explanation while the server lags `behindSeconds` behind its database. */
export function describeLive(
  status: LiveStatus,
  behindSeconds: number,
): { tone: LiveStatus; name: string; meaning: string } {
  const isConnected = status === 'live' || status === 'behind'
  if (isConnected && behindSeconds > 0) {
    const name = `Live, ${formatElapsed(behindSeconds)} behind`
    const meaning = 'The server is catching up with its database; no change is missed.'
    return { tone: 'behind', name, meaning }
  }
  const [name, meaning] = DESCRIPTIONS[status]
  return { tone: status, name, meaning }
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
