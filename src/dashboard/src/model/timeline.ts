import { hasEnded, type Status } from './status.ts'

/** The fields of a step that the timeline reads. */
export interface TimedStep {
  stepId: string
  status: Status
  durationSeconds: number | null
  startedAt: string | null
  completedAt: string | null
  dependsOn: readonly string[]
}

/** A step on the timeline; `left` and `width` are fractions of its length. Null where it has not started. */
export interface Bar {
  stepId: string
  position: { left: number; width: number } | null
}

/** A tick of the axis: a fraction of its length, and the seconds since the start. */
export interface Tick {
  position: number
  seconds: number
}

/** A dependency of the step in row `to` on that in row `from`, counted from 0. */
export interface Dependency {
  from: number
  to: number
}

export interface Timeline {
  /** Milliseconds since 1970, as is `end`. */
  start: number
  end: number
  bars: Bar[]
  ticks: Tick[]
  dependencies: Dependency[]
}

// Seconds between ticks: round numbers of seconds, minutes, hours and days.
const INTERVALS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400]
const MAX_TICKS = 8
// Milliseconds; on a shorter timeline every bar would be a dot.
const MIN_LENGTH = 100
// More lines could not be told apart.
const MAX_DEPENDENCIES = 400

/** Lays out `steps` on a timeline; steps that are running last until `now` (milliseconds). */
export function layOut(steps: readonly TimedStep[], now: number): Timeline {
  const spans = steps.map((step) => spanOf(step, now))
  const started = spans.filter((span) => span !== null)
  const start = started.length === 0 ? now : Math.min(...started.map((span) => span.from))
  const end = Math.max(start + MIN_LENGTH, ...started.map((span) => span.to))
  const length = end - start
  const bars = steps.map((step, index): Bar => {
    const span = spans[index] ?? null
    const position = span && { left: (span.from - start) / length, width: (span.to - span.from) / length }
    return { stepId: step.stepId, position }
  })
  return { start, end, bars, ticks: ticksOf(length / 1000), dependencies: dependenciesOf(steps) }
}

function spanOf(step: TimedStep, now: number): { from: number; to: number } | null {
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

function ticksOf(seconds: number): Tick[] {
  const interval =
    INTERVALS.find((each) => seconds / each <= MAX_TICKS) ?? Math.ceil(seconds / MAX_TICKS / 86_400) * 86_400
  const count = Math.floor(seconds / interval)
  return Array.from({ length: count + 1 }, (_, index) => ({
    position: (index * interval) / seconds,
    seconds: index * interval,
  }))
}

function dependenciesOf(steps: readonly TimedStep[]): Dependency[] {
  const rows = new Map(steps.map((step, index) => [step.stepId, index]))
  const found = steps.flatMap((step, to) =>
    step.dependsOn.flatMap((stepId) => {
      const from = rows.get(stepId)
      return from === undefined || from === to ? [] : [{ from, to }]
    }),
  )
  return found.slice(0, MAX_DEPENDENCIES)
}
