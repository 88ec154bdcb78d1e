/** A range of time, in milliseconds since 1970. */
export interface Range {
  from: number
  to: number
}

/** A part of an axis: fractions of its length. */
export interface Place {
  left: number
  width: number
}

// Milliseconds: dates of the API are exact to one.
const SHORTEST = 5

/** `shown` with the length times `factor` around the fraction `at` of it, within `all`. */
export function zoom(shown: Range, all: Range, factor: number, at = 0.5): Range {
  const length = shown.to - shown.from
  const wanted = Math.min(all.to - all.from, Math.max(SHORTEST, length * factor))
  const from = shown.from + (length - wanted) * at
  return within({ from, to: from + wanted }, all)
}

/** `shown` moved by the fraction `by` of its length, within `all`. */
export function pan(shown: Range, all: Range, by: number): Range {
  const distance = (shown.to - shown.from) * by
  return within({ from: shown.from + distance, to: shown.to + distance }, all)
}

/** `range`, as long as it is, moved into `all`; `all` where it is longer. */
export function within(range: Range, all: Range): Range {
  const length = range.to - range.from
  if (length >= all.to - all.from) return all
  const from = Math.min(Math.max(range.from, all.from), all.to - length)
  return { from, to: from + length }
}

/** The range between the fractions `one` and `other` of `shown`; null where they are too close for a choice. */
export function between(shown: Range, one: number, other: number): Range | null {
  const [first, last] = [Math.min(one, other), Math.max(one, other)].map((each) => Math.min(1, Math.max(0, each)))
  if (first === undefined || last === undefined || last - first < 0.005) return null
  const length = shown.to - shown.from
  const from = shown.from + length * first
  return { from, to: Math.max(from + SHORTEST, shown.from + length * last) }
}

/** Where `range` is on an axis that shows `shown`, as far as it is seen; null where it is not. */
export function place(range: Range, shown: Range): Place | null {
  if (range.to < shown.from || range.from > shown.to) return null
  const length = shown.to - shown.from
  const left = Math.max(0, (range.from - shown.from) / length)
  return { left, width: Math.min(1, (range.to - shown.from) / length) - left }
}
