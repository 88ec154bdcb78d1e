// Rows that are all of one height, below a head that stays in sight while they scroll. Everything in pixels.

/** What can be seen of a list: how far it is scrolled, how high it is, and how much of that its head takes. */
export interface Viewport {
  readonly top: number
  readonly height: number
  readonly head: number
}

/** The rows from `first` on, before `end`. */
export interface RowRange {
  readonly first: number
  readonly end: number
}

/** The rows of which a part can be seen. */
export function visibleRows({ top, height, head }: Viewport, rowHeight: number): RowRange {
  const visible = Math.max(0, height - head)
  return { first: Math.max(0, Math.floor(top / rowHeight)), end: Math.max(0, Math.ceil((top + visible) / rowHeight)) }
}

/** The rows to render: those that can be seen, and `more` on each side, of `count`. */
export function withMore({ first, end }: RowRange, more: number, count: number): RowRange {
  const last = Math.min(count, end + more)
  return { first: Math.min(last, Math.max(0, first - more)), end: last }
}

/** How far to scroll so that a row can be seen as a whole: as far as it is, if it can be. */
export function topToShow(index: number, { top, height, head }: Viewport, rowHeight: number): number {
  const least = (index + 1) * rowHeight - Math.max(0, height - head)
  return Math.max(Math.min(top, index * rowHeight), least)
}
