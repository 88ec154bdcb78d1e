/** What the timeline must know of a step. */
export interface TimedStep {
  stepId: string
  startedAt: string | null
  completedAt: string | null
  dependsOn: readonly string[]
}

/** A step on the timeline; `left` and `width` are parts of the whole, from 0 to 1. Null where it has not begun. */
export interface Bar {
  stepId: string
  place: { left: number; width: number } | null
}

/** A mark on the axis: its place from 0 to 1, and the seconds since the begin. */
export interface Tick {
  at: number
  seconds: number
}

/** A step that waits for another: both by their row, from 0. */
export interface Dependency {
  from: number
  to: number
}

export interface Timeline {
  /** Milliseconds since 1970. */
  begin: number
  end: number
  bars: Bar[]
  ticks: Tick[]
  dependencies: Dependency[]
}

// Seconds between marks that people read without thinking.
const INTERVALS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400]
const MOST_TICKS = 8
// Shorter spans would make a point of everything.
const SHORTEST = 100
// Beyond these, lines are a thicket.
const MOST_DEPENDENCIES = 400

/** The steps in time, at `now` (milliseconds): what runs lasts until then. */
export function layOut(steps: readonly TimedStep[], now: number): Timeline {
  const spans = steps.map((step) => spanOf(step, now))
  const begun = spans.filter((span) => span !== null)
  const begin = begun.length === 0 ? now : Math.min(...begun.map((span) => span.from))
  const end = Math.max(begin + SHORTEST, ...begun.map((span) => span.to))
  const length = end - begin
  const bars = steps.map((step, index): Bar => {
    const span = spans[index] ?? null
    const place = span && { left: (span.from - begin) / length, width: (span.to - span.from) / length }
    return { stepId: step.stepId, place }
  })
  return { begin, end, bars, ticks: ticksOf(length / 1000), dependencies: dependenciesOf(steps) }
}

function spanOf(step: TimedStep, now: number): { from: number; to: number } | null {
  if (step.startedAt === null) return null
  const from = Date.parse(step.startedAt)
  // A clock that is behind the engine's must not turn a step around.
  const to = Math.max(from, step.completedAt === null ? now : Date.parse(step.completedAt))
  return { from, to }
}

function ticksOf(seconds: number): Tick[] {
  const interval =
    INTERVALS.find((each) => seconds / each <= MOST_TICKS) ?? Math.ceil(seconds / MOST_TICKS / 86_400) * 86_400
  const count = Math.floor(seconds / interval)
  return Array.from({ length: count + 1 }, (_, index) => ({
    at: (index * interval) / seconds,
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
  return found.slice(0, MOST_DEPENDENCIES)
}
