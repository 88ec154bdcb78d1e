/** How changes are received, the best transport first; polling reads the page again and again. */
export const TRANSPORTS = ['websocket', 'sse', 'polling'] as const

export type Transport = (typeof TRANSPORTS)[number]

/** A connection attempt. */
export interface Attempt {
  readonly transport: Transport
  /** Failures of this transport in a row. */
  readonly failures: number
  /** Whether this transport has worked on this page: a proxy that let it through once will do so again. */
  readonly hasWorked: boolean
  /** Milliseconds to wait before the attempt. */
  readonly delay: number
}

export const FIRST_ATTEMPT: Attempt = { transport: 'websocket', failures: 0, hasWorked: false, delay: 0 }

// Two, since one failure does not mean that a proxy blocks the transport.
const MAX_FAILURES = 2
// A server that restarts is back within seconds: a transport that has worked is worth waiting for.
const MAX_FAILURES_ONCE_WORKED = 8
// Milliseconds.
const MIN_DELAY = 250
const MAX_DELAY = 10_000
/** How long the page polls before it tries to connect again; milliseconds. */
export const POLLING_LASTS = 30_000

/** The attempt after `last` failed or lost its connection; `chance`, from 0 to 1, spreads the delays of many clients. */
export function afterFailure(last: Attempt, chance: number): Attempt {
  const failures = last.failures + 1
  if (failures >= (last.hasWorked ? MAX_FAILURES_ONCE_WORKED : MAX_FAILURES))
    return { ...FIRST_ATTEMPT, transport: nextTransport(last.transport) }
  const longest = Math.min(MAX_DELAY, MIN_DELAY * 2 ** failures)
  return { ...last, failures, delay: longest * (0.5 + chance / 2) }
}

/** The attempt `last` after it has connected. */
export function afterSuccess(last: Attempt): Attempt {
  return { ...last, failures: 0, hasWorked: true, delay: 0 }
}

function nextTransport(transport: Transport): Transport {
  return TRANSPORTS[TRANSPORTS.indexOf(transport) + 1] ?? 'websocket'
}
