import type { StepRow } from './stepRows.ts'
import { spanOfGroup, type TimedStep } from './timeline.ts'
import type { Range } from './timeWindow.ts'

/** The chain of steps that decided when an execution ended. */
export interface CriticalPath {
  stepIds: ReadonlySet<string>
  /** How long its steps ran, all attempts of each. */
  seconds: number
}

/**
 * The critical path: the step that ended last, the one that it waited for longest, and so on to the first.
 *
 * Null where no step that has started names one that it depends on.
 */
export function criticalPathOf<S extends TimedStep>(rows: readonly StepRow<S>[], now: number): CriticalPath | null {
  const spans = new Map<string, Range>()
  for (const row of rows) {
    const span = spanOfGroup([row], now)
    if (span !== null) spans.set(row.key, span)
  }
  const byId = new Map(rows.map((row) => [row.key, row]))
  const hasDependencies = rows.some((row) => spans.has(row.key) && row.latest.dependsOn.some((id) => spans.has(id)))
  if (!hasDependencies) return null
  const stepIds = new Set<string>()
  let milliseconds = 0
  let next = lastOf([...spans.keys()], spans)
  // Engines may name cycles.
  while (next !== null && !stepIds.has(next)) {
    stepIds.add(next)
    const { from, to } = spans.get(next) ?? { from: 0, to: 0 }
    milliseconds += to - from
    next = lastOf(byId.get(next)?.latest.dependsOn ?? [], spans)
  }
  return { stepIds, seconds: milliseconds / 1000 }
}

/** The step that ended last; of those that ended together, the first. */
function lastOf(stepIds: readonly string[], spans: ReadonlyMap<string, Range>): string | null {
  let last: string | null = null
  let end = -Infinity
  for (const stepId of stepIds) {
    const to = spans.get(stepId)?.to ?? -Infinity
    if (to > end) [last, end] = [stepId, to]
  }
  return last
}
