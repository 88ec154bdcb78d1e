/** How grave a log line is, the mildest first. */
export const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const

export type Level = (typeof LEVELS)[number]

/** A log line. */
export interface Line {
  at: string
  level: Level
  message: string
  stepId: string | null
}

/** What is kept of a log: its last lines, and how many before them were let go of. */
export interface Tail<L extends Line> {
  readonly lines: readonly L[]
  readonly dropped: number
}

/** What of a log is shown. */
export interface LineFilter {
  minLevel: Level
  /** Found whatever the case of its letters; empty finds all. */
  search: string
}

export const EVERY_LINE: LineFilter = { minLevel: 'DEBUG', search: '' }

/** Whether `filter` lets every line through. */
export function isEveryLine(filter: LineFilter): boolean {
  return filter.minLevel === EVERY_LINE.minLevel && filter.search.trim() === ''
}

// A line with its text takes some 300 bytes: thirty megabytes.
export const MOST_LINES = 100_000

/** `tail` with `lines` behind it; the oldest go when there are too many. */
export function append<L extends Line>(tail: Tail<L>, lines: readonly L[], most = MOST_LINES): Tail<L> {
  const all = [...tail.lines, ...lines]
  const excess = Math.max(0, all.length - most)
  return { lines: excess === 0 ? all : all.slice(excess), dropped: tail.dropped + excess }
}

/** `tail` with earlier `lines` before it, as many as there is room for. */
export function prepend<L extends Line>(tail: Tail<L>, lines: readonly L[], most = MOST_LINES): Tail<L> {
  const room = Math.max(0, most - tail.lines.length)
  return { lines: [...lines.slice(Math.max(0, lines.length - room)), ...tail.lines], dropped: tail.dropped }
}

/**
 * Those of `lines` that come before what `tail` has. Pages and events tell lines by their content alone; lines that came
 * late are behind the first of the tail, though they are older.
 */
export function linesBefore<L extends Line>(lines: readonly L[], tail: Tail<L>): L[] {
  const first = tail.lines[0]
  if (first === undefined) return [...lines]
  const beginning = Date.parse(first.at)
  const there = new Set(tail.lines.filter((line) => Date.parse(line.at) <= beginning).map(contentOf))
  return lines.filter((line) => Date.parse(line.at) <= beginning && !there.has(contentOf(line)))
}

function contentOf({ at, level, message, stepId }: Line): string {
  return JSON.stringify([at, level, message, stepId])
}

/** The lines that `filter` lets through, in their order. */
export function select<L extends Line>(lines: readonly L[], filter: LineFilter): readonly L[] {
  if (isEveryLine(filter)) return lines
  const least = LEVELS.indexOf(filter.minLevel)
  const search = filter.search.trim().toLocaleLowerCase()
  return lines.filter(
    (line) => LEVELS.indexOf(line.level) >= least && line.message.toLocaleLowerCase().includes(search),
  )
}
