import type { Status } from './status.ts'
import { spanOf, type TimedStep } from './timeline.ts'
import type { TimelineRow } from './stepRows.ts'
import type { Range } from './timeWindow.ts'

/** The size of a map of steps, in units of its drawing. */
export const MAP_WIDTH = 600
export const MAP_HEIGHT = 48

/** Draws all `rows` small: for each status the path of an SVG. What falls on one spot is drawn once. */
export function drawMap<S extends TimedStep>(
  rows: readonly TimelineRow<S>[],
  all: Range,
  now: number,
): [Status, string][] {
  const spots = new Map<Status, Set<string>>()
  const scale = MAP_WIDTH / (all.to - all.from)
  const height = Math.max(1, Math.min(6, Math.floor(MAP_HEIGHT / Math.max(1, rows.length))))
  rows.forEach((row, index) => {
    const top = Math.floor((index * MAP_HEIGHT) / Math.max(rows.length, MAP_HEIGHT / height))
    for (const step of stepsOf(row)) {
      const span = spanOf(step, now)
      if (span === null) continue
      const left = Math.floor((span.from - all.from) * scale)
      const width = Math.max(1, Math.round((span.to - span.from) * scale))
      const drawn = spots.get(step.status) ?? new Set()
      spots.set(step.status, drawn.add(`M${left} ${top}h${width}v${height}h${-width}z`))
    }
  })
  return [...spots].map(([status, paths]) => [status, [...paths].join('')])
}

/** What the row stands for: a closed group stands for all of its steps. */
function stepsOf<S>(row: TimelineRow<S>): readonly S[] {
  if (row.type === 'step') return row.attempts
  return row.isOpen ? [] : row.steps.flatMap((step) => step.attempts)
}
