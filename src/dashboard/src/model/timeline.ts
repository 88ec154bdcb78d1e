/** What the timeline must know of a step; times as the server writes them. */
export interface TimedStep {
  stepId: string
  startedAt: string | null
  completedAt: string | null
}

/** A bar of the timeline: where it begins and how long it is, as shares of the whole; null before the step has begun. */
export interface Bar {
  stepId: string
  start: number
  length: number
}

// A bar that is shorter cannot be seen nor pointed at.
const SHORTEST = 0.004

/** The bars of `steps`, which have begun after `from` (or with the first of them) and end now at the latest; milliseconds. */
export function layOut(
  steps: readonly TimedStep[],
  from: number | null,
  now: number,
): { bars: Map<string, Bar>; seconds: number } {
  const spans = steps.flatMap((step) => {
    if (step.startedAt === null) return []
    const start = Date.parse(step.startedAt)
    const end = step.completedAt === null ? Math.max(now, start) : Date.parse(step.completedAt)
    return [{ stepId: step.stepId, start, end: Math.max(start, end) }]
  })
  const first = Math.min(...spans.map((span) => span.start), from ?? Infinity)
  const last = Math.max(...spans.map((span) => span.end))
  const whole = Math.max(1, last - first)
  const bars = spans.map(({ stepId, start, end }) => {
    const length = Math.max(SHORTEST, (end - start) / whole)
    return { stepId, start: Math.min((start - first) / whole, 1 - length), length }
  })
  return { bars: new Map(bars.map((bar) => [bar.stepId, bar])), seconds: spans.length === 0 ? 0 : whole / 1000 }
}
