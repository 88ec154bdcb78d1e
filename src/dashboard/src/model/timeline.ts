import { formatDuration } from './numbers.ts'
import { hasEnded, type Status } from './status.ts'
import type { StepRow, TimelineRow } from './stepRows.ts'
import type { Range } from './timeWindow.ts'

/** The fields of a step that the timeline reads. */
export interface TimedStep {
  stepId: string
  name: string
  kind: string | null
  attempt: number
  status: Status
  durationSeconds: number | null
  startedAt: string | null
  completedAt: string | null
  dependsOn: readonly string[]
}

/** A tick of the axis: a fraction of its length, and the time since the start in words. */
export interface Tick {
  position: number
  name: string
}

/** A dependency of the step in row `to` on that in row `from`, counted from 0. */
export interface Dependency {
  from: number
  to: number
}

// Seconds between ticks: round numbers of seconds, minutes, hours and days.
const INTERVALS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  21_600, 43_200, 86_400,
]
const MAX_TICKS = 8
// Milliseconds; on a shorter timeline every bar would be a dot.
const MIN_LENGTH = 100
// More lines could not be told apart.
const MAX_DEPENDENCIES = 200

/** When a step ran: until `now` (milliseconds) while it runs. Null where it has not started. */
export function spanOf(step: TimedStep, now: number): Range | null {
  if (step.startedAt === null) return null
  const from = Date.parse(step.startedAt)
  // This clock may be slower than the engine's: a step must not end before it starts.
  return { from, to: Math.max(from, endOf(step, from, now)) }
}

/** When `step` ended, or `now`; engines leave out the end of some steps that have one. */
function endOf(step: TimedStep, from: number, now: number): number {
  if (step.completedAt !== null) return Date.parse(step.completedAt)
  return hasEnded(step.status) ? from + (step.durationSeconds ?? 0) * 1000 : now
}

/** The time from the first start to the last end of `steps`. */
export function rangeOf(steps: readonly TimedStep[], now: number): Range {
  const range = { from: Infinity, to: -Infinity }
  for (const step of steps) widen(range, spanOf(step, now))
  if (range.from === Infinity) return { from: now, to: now + MIN_LENGTH }
  return { from: range.from, to: Math.max(range.from + MIN_LENGTH, range.to) }
}

/** The time of a group: from the first start to the last end of its steps; null where none has started. */
export function spanOfGroup<S extends TimedStep>(rows: readonly StepRow<S>[], now: number): Range | null {
  const range = { from: Infinity, to: -Infinity }
  for (const row of rows) for (const step of row.attempts) widen(range, spanOf(step, now))
  return range.from === Infinity ? null : range
}

function widen(range: Range, span: Range | null): void {
  if (span === null) return
  range.from = Math.min(range.from, span.from)
  range.to = Math.max(range.to, span.to)
}

/** The ticks of an axis that shows `shown`, counted from `start`. */
export function ticksOf(shown: Range, start: number): Tick[] {
  const length = (shown.to - shown.from) / 1000
  const interval =
    INTERVALS.find((each) => length / each <= MAX_TICKS) ?? Math.ceil(length / MAX_TICKS / 86_400) * 86_400
  const [from, to] = [(shown.from - start) / 1000, (shown.to - start) / 1000]
  const first = Math.ceil(from / interval - 1e-9)
  const count = Math.max(0, Math.floor(to / interval + 1e-9) - first + 1)
  return Array.from({ length: count }, (_, index) => {
    const seconds = (first + index) * interval
    return { position: (seconds - from) / length, name: nameTick(seconds, interval) }
  })
}

function nameTick(seconds: number, interval: number): string {
  if (Math.abs(seconds) < interval / 2) return '0'
  if (interval >= 1) return formatDuration(seconds)
  const digits = interval >= 0.1 ? 1 : interval >= 0.01 ? 2 : 3
  const rest = `${(seconds % 60).toFixed(digits)} s`
  return seconds < 60 ? rest : `${formatDuration(seconds - (seconds % 60)).replace(/ 00 s$/, '')} ${rest}`
}

/** The dependencies that end in the rows `first` to `last`, and those of the row `selected` in both directions. */
export function dependenciesOf<S extends TimedStep>(
  rows: readonly TimelineRow<S>[],
  byId: ReadonlyMap<string, number>,
  { first, last, selected }: { first: number; last: number; selected: number },
): Dependency[] {
  const found: Dependency[] = []
  for (let to = first; to <= last && found.length < MAX_DEPENDENCIES; to += 1) {
    if (to !== selected) add(to)
  }
  // Last, so that they are drawn above the others.
  if (selected >= 0) {
    for (let to = first; to <= last; to += 1) if (to !== selected) add(to, selected)
    add(selected)
  }
  return found.slice(-MAX_DEPENDENCIES)

  function add(to: number, of?: number): void {
    const row = rows[to]
    if (row?.type !== 'step') return
    for (const stepId of row.latest.dependsOn) {
      const from = byId.get(stepId)
      if (from === undefined || from === to || (of === undefined ? from === selected : from !== of)) continue
      found.push({ from, to })
    }
  }
}

/** The rows of steps by their ids. */
export function indexRows<S extends TimedStep>(rows: readonly TimelineRow<S>[]): Map<string, number> {
  return new Map(rows.flatMap((row, index) => (row.type === 'step' ? [[row.key, index] as const] : [])))
}
