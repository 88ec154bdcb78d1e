import { formatElapsed } from './numbers.ts'

/** Ways to hear of changes, the best one first; the last is to ask again and again. */
export const TRANSPORTS = ['websocket', 'sse', 'polling'] as const

export type Transport = (typeof TRANSPORTS)[number]

/** What the indicator tells: how the page hears of changes. */
export type LiveStatus = 'connecting' | 'live' | 'reconnecting' | 'behind' | 'polling'

const WORDS: Record<LiveStatus, readonly [name: string, meaning: string]> = {
  connecting: ['Connecting', 'The page is asking to be told of changes.'],
  live: ['Live', 'Changes appear as they happen.'],
  reconnecting: ['Reconnecting', 'The connection was lost. When it is back, the page catches up: nothing is missed.'],
  behind: ['Behind', 'More happens than arrives in time; the page is catching up.'],
  polling: ['Polling', 'No lasting connection can be made; the page asks every few seconds.'],
}

/** The indicator: its tone, its name, and what that means, while the server is `behindSeconds` behind its database. */
export function describeLive(
  status: LiveStatus,
  behindSeconds: number,
): { tone: LiveStatus; name: string; meaning: string } {
  const isConnected = status === 'live' || status === 'behind'
  if (isConnected && behindSeconds > 0) {
    const name = `Live, ${formatElapsed(behindSeconds)} behind`
    const meaning = 'The server reads changes later than they happen, and is catching up: nothing is missed.'
    return { tone: 'behind', name, meaning }
  }
  const [name, meaning] = WORDS[status]
  return { tone: status, name, meaning }
}

/** How many seconds the server says it is behind, in the payload of a ping; null when it says nothing of that. */
export function behindSecondsOf(payload: unknown): number | null {
  if (typeof payload !== 'object' || payload === null || !('behindSeconds' in payload)) return null
  const { behindSeconds } = payload
  return typeof behindSeconds === 'number' && behindSeconds >= 0 ? behindSeconds : null
}

/** The same of a comment between Server-Sent Events, the text behind its colon. */
export function behindSecondsOfComment(comment: string): number | null {
  const digits = /^ ?behindSeconds=(\d+)$/.exec(comment)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** Which way is tried, and how it went so far. */
export interface Attempt {
  readonly transport: Transport
  /** Failures in a row, of this way. */
  readonly failures: number
  /** Whether this way has ever worked here: a proxy that lets sockets through once will do so again. */
  readonly hasWorked: boolean
  /** Milliseconds to wait before it is tried. */
  readonly delay: number
}

export const FIRST_ATTEMPT: Attempt = { transport: 'websocket', failures: 0, hasWorked: false, delay: 0 }

// Two, so that one unlucky moment is not taken for a proxy that blocks sockets.
const PATIENCE = 2
// A server that restarts is back within seconds; where sockets worked before, it is worth waiting for them.
const PATIENCE_ONCE_WORKED = 8
const SHORTEST = 250
const LONGEST = 10_000
/** How long the page asks again and again before it tries to be told once more; milliseconds. */
export const POLLING_LASTS = 30_000

/** What to try after the attempt `last` could not connect, or lost its connection; `chance` from 0 to 1 spreads clients. */
export function afterFailure(last: Attempt, chance: number): Attempt {
  const failures = last.failures + 1
  if (failures >= (last.hasWorked ? PATIENCE_ONCE_WORKED : PATIENCE))
    return { ...FIRST_ATTEMPT, transport: below(last.transport) }
  const longest = Math.min(LONGEST, SHORTEST * 2 ** failures)
  return { ...last, failures, delay: longest * (0.5 + chance / 2) }
}

/** The attempt `last`, now that it delivers. */
export function afterSuccess(last: Attempt): Attempt {
  return { ...last, failures: 0, hasWorked: true, delay: 0 }
}

function below(transport: Transport): Transport {
  return TRANSPORTS[TRANSPORTS.indexOf(transport) + 1] ?? 'websocket'
}

// Longer than commits, sockets and frames take together.
const LATE = 3_000

/** Notices when events arrive later and later; it needs no clock that agrees with the server's. */
export class LagMeter {
  private shortest = Infinity

  /** Whether an event that happened at `occurredAt` and was received at `now` (milliseconds) is late. */
  isLate(occurredAt: number, now: number): boolean {
    const age = now - occurredAt
    this.shortest = Math.min(this.shortest, age)
    return age - this.shortest > LATE
  }
}
