import { useState, type KeyboardEvent, type PointerEvent } from 'react'

/** A place of a chart, and the places from one to another that are being chosen. */
export interface Plot {
  /** The place that the pointer or the keyboard is at. */
  cursor: number | null
  /** The first and last place of what is being chosen. */
  selection: readonly [number, number] | null
  /** The attributes of the element that has the chart as its whole width. */
  attributes: {
    role: 'slider'
    tabIndex: 0
    'aria-valuemin': 0
    'aria-valuemax': number
    'aria-valuenow': number
    'aria-valuetext': string
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => void
    onFocus: () => void
    onBlur: () => void
    onPointerDown: (event: PointerEvent<HTMLElement>) => void
    onPointerMove: (event: PointerEvent<HTMLElement>) => void
    onPointerUp: () => void
    onPointerLeave: () => void
    onPointerCancel: () => void
  }
}

/**
 * Reads a chart of `count` places side by side, and chooses a range of them: by pointer with a drag, by keyboard with Shift
 * and arrows, Enter, and Escape to give up. Without `onBrush` nothing can be chosen.
 */
export function usePlot(
  count: number,
  describe: (place: number) => string,
  onBrush?: (first: number, last: number) => void,
): Plot {
  const [place, setPlace] = useState<number | null>(null)
  const [anchor, setAnchor] = useState<number | null>(null)
  const [isDragging, setDragging] = useState(false)
  const last = Math.max(0, count - 1)
  // A chart that is updated may have fewer places.
  const cursor = place === null ? null : Math.min(place, last)
  const selection =
    anchor === null || cursor === null ? null : ([Math.min(anchor, cursor), Math.max(anchor, cursor)] as const)

  function choose(): void {
    const [from, to] = selection ?? [cursor, cursor]
    giveUp()
    if (from !== null && to !== null) onBrush?.(from, to)
  }

  function giveUp(): void {
    setAnchor(null)
    setDragging(false)
  }

  function handleKey(event: KeyboardEvent<HTMLElement>): void {
    const next = placeAfter(event.key, cursor ?? last, last)
    if (next !== null) {
      setPlace(next)
      setAnchor(event.shiftKey && onBrush !== undefined ? (anchor ?? cursor ?? last) : null)
    } else if (event.key === 'Enter' || event.key === ' ') choose()
    else if (event.key === 'Escape' && anchor !== null) giveUp()
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  return {
    cursor,
    selection,
    attributes: {
      role: 'slider',
      tabIndex: 0,
      'aria-valuemin': 0,
      'aria-valuemax': last,
      'aria-valuenow': cursor ?? last,
      'aria-valuetext': count === 0 ? '' : describe(cursor ?? last),
      onKeyDown: handleKey,
      onFocus: () => setPlace((before) => before ?? last),
      onBlur: () => {
        setPlace(null)
        giveUp()
      },
      onPointerDown: (event) => {
        if (event.button !== 0) return
        const at = placeOf(event, count)
        setPlace(at)
        if (onBrush === undefined) return
        event.currentTarget.setPointerCapture(event.pointerId)
        setAnchor(at)
        setDragging(true)
      },
      onPointerMove: (event) => setPlace(placeOf(event, count)),
      onPointerUp: () => {
        if (isDragging) choose()
      },
      onPointerLeave: () => {
        if (!isDragging) setPlace(null)
      },
      onPointerCancel: giveUp,
    },
  }
}

/** The place that a key leads to from the place `at`; null for other keys. Time goes from left to right everywhere. */
function placeAfter(key: string, at: number, last: number): number | null {
  if (key === 'ArrowLeft' || key === 'ArrowDown') return Math.max(0, at - 1)
  if (key === 'ArrowRight' || key === 'ArrowUp') return Math.min(last, at + 1)
  if (key === 'Home') return 0
  return key === 'End' ? last : null
}

function placeOf({ clientX, currentTarget }: PointerEvent<HTMLElement>, count: number): number {
  const { left, width } = currentTarget.getBoundingClientRect()
  return Math.max(0, Math.min(count - 1, Math.floor(((clientX - left) / width) * count)))
}
