import type { SchemaType } from '../graphql/schemaTypes.ts'
import { stripEscapes } from './ansi.ts'
import { toSearchText } from './searchText.ts'

/** The severity of a log line. */
export type Level = SchemaType<'LogLevel'>

const SEVERITIES: Record<Level, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3, CRITICAL: 4 }

/** All levels, the least severe first. */
export const LEVELS = Object.keys(SEVERITIES) as readonly Level[]

/** A log line. */
export interface LogLine {
  at: string
  level: Level
  message: string
  stepId: string | null
}

/** The loaded end of a log. */
export interface Tail<L extends LogLine> {
  readonly lines: readonly L[]
  /** How many older lines were loaded and then dropped, to save memory. */
  readonly dropped: number
}

/** Which lines of a log are shown. */
export interface LineFilter {
  minLevel: Level
  /** Text that the message contains, in any case; empty matches all. */
  search: string
  /** The step, or its attempts, that the lines are of; null for all. */
  stepId: string | null
}

export const ALL_LINES: LineFilter = { minLevel: 'DEBUG', search: '', stepId: null }

/** Whether `filter` matches every line. */
export function isAllLines(filter: LineFilter): boolean {
  return filter.minLevel === ALL_LINES.minLevel && filter.search.trim() === '' && filter.stepId === null
}

// A line takes some 300 bytes: 30 MB in all.
export const MAX_LINES = 100_000

/** `tail` with `lines` after it; the oldest are dropped where there are more than `most`. */
export function append<L extends LogLine>(tail: Tail<L>, lines: readonly L[], most = MAX_LINES): Tail<L> {
  const all = [...tail.lines, ...lines]
  const excess = Math.max(0, all.length - most)
  return { lines: excess === 0 ? all : all.slice(excess), dropped: tail.dropped + excess }
}

/** `tail` with the older `lines` before it, up to `most` lines in all. */
export function prepend<L extends LogLine>(tail: Tail<L>, lines: readonly L[], most = MAX_LINES): Tail<L> {
  const room = Math.max(0, most - tail.lines.length)
  return { lines: [...lines.slice(Math.max(0, lines.length - room)), ...tail.lines], dropped: tail.dropped }
}

/**
 * Those of `lines` that precede `tail` and are not in it.
 *
 * Lines have no id, so their content identifies them. Lines that arrived late may be older than the first of the tail.
 */
export function linesBefore<L extends LogLine>(lines: readonly L[], tail: Tail<L>): L[] {
  const first = tail.lines[0]
  if (first === undefined) return [...lines]
  const start = Date.parse(first.at)
  const loaded = new Set(tail.lines.filter((line) => Date.parse(line.at) <= start).map(contentOf))
  return lines.filter((line) => Date.parse(line.at) <= start && !loaded.has(contentOf(line)))
}

// Lines are searched again with every key and with every line that is appended.
const searchTexts = new WeakMap<LogLine, string>()

function searchTextOf(line: LogLine): string {
  const known = searchTexts.get(line) ?? toSearchText(stripEscapes(line.message))
  searchTexts.set(line, known)
  return known
}

/**
 * `tail` followed by those of `lines` that are not in it: the present state, which a subscription repeats.
 *
 * Null where the first of them is not in it either, so that lines between them may be missing.
 */
export function appendRepeated<L extends LogLine>(tail: Tail<L>, lines: readonly L[]): Tail<L> | null {
  const loaded = new Set(tail.lines.map(contentOf))
  const [first] = lines
  if (first !== undefined && tail.lines.length > 0 && !loaded.has(contentOf(first))) return null
  return append(
    tail,
    lines.filter((line) => !loaded.has(contentOf(line))),
  )
}

function contentOf({ at, level, message, stepId }: LogLine): string {
  return JSON.stringify([at, level, message, stepId])
}

/**
 * The key of a line for addresses: its time, and a digest of its content, since lines have no id.
 *
 * It is the same whatever the filter of the log, and however the line was loaded.
 */
export function keyOfLine(line: LogLine): string {
  let digest = 0x811c9dc5
  // FNV-1a.
  for (const letter of JSON.stringify([line.level, line.message, line.stepId])) {
    digest = Math.imul(digest ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0
  }
  return `${Date.parse(line.at)}-${digest.toString(36)}`
}

/** When the line of a key was written, in milliseconds; null where it is no key. */
export function timeOfKey(key: string): number | null {
  const digits = /^(\d{1,15})-[\da-z]{1,7}$/.exec(key)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** Where the line of `key` is in `lines`; -1 where it is not. */
export function indexOfKey(lines: readonly LogLine[], key: string): number {
  const time = timeOfKey(key)
  if (time === null) return -1
  return lines.findIndex((line) => Date.parse(line.at) === time && keyOfLine(line) === key)
}

/** The lines that match `filter`, in their order. */
export function select<L extends LogLine>(lines: readonly L[], filter: LineFilter): readonly L[] {
  if (isAllLines(filter)) return lines
  const minimum = SEVERITIES[filter.minLevel]
  const search = toSearchText(filter.search.trim())
  return lines.filter(
    (line) =>
      SEVERITIES[line.level] >= minimum &&
      (filter.stepId === null || line.stepId === filter.stepId) &&
      (search === '' || searchTextOf(line).includes(search)),
  )
}
