import { formatDuration } from './numbers.ts'

/** How the times of log lines are shown: by the clock, or counted from the start or the line before. */
export const TIMINGS = ['clock', 'start', 'previous'] as const
export type Timing = (typeof TIMINGS)[number]

const SECOND = 1000
const MINUTE = 60 * SECOND

/** `milliseconds` from one time to another, exactly: `+12.345 s`, `+3 m 05.120 s`, `−0.001 s`. */
export function formatOffset(milliseconds: number): string {
  const sign = milliseconds < 0 ? '−' : '+'
  const length = Math.abs(milliseconds)
  const rest = `${((length % MINUTE) / SECOND).toFixed(3)} s`
  if (length < MINUTE) return sign + rest
  const whole = length - (length % MINUTE)
  const name = formatDuration(whole / SECOND).replace(/ 00 s$/, '')
  return `${sign}${name} ${rest.padStart(8, '0')}`
}
