import { memo, useEffect, useMemo, useRef, type PointerEvent, type RefObject } from 'react'
import { drawMap, MAP_HEIGHT, MAP_WIDTH } from '../model/minimap.ts'
import type { TimelineRow } from '../model/stepRows.ts'
import { pan, type Range } from '../model/timeWindow.ts'
import type { Step } from './operations.ts'
import styles from './Minimap.module.css'
import type { TimeWindow } from './useTimeWindow.ts'

interface MinimapProps {
  rows: readonly TimelineRow<Step>[]
  all: Range
  now: number
  time: TimeWindow
  /** What scrolls through the rows. */
  scroller: RefObject<HTMLElement | null>
}

/** All steps of a timeline in small, and the part of them that is seen; dragging it moves the timeline. */
export function Minimap({ rows, all, now, time, scroller }: MinimapProps) {
  const seen = useRef<HTMLSpanElement>(null)
  const { shown } = time

  // Not by React: each frame of scrolling would render the timeline.
  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    function follow(): void {
      const { scrollTop = 0, scrollHeight = 1, clientHeight = 1 } = element ?? {}
      const { parentElement, style } = seen.current ?? {}
      if (!parentElement || !style) return
      const height = parentElement.clientHeight
      style.height = `${Math.min(1, clientHeight / scrollHeight) * height}px`
      style.transform = `translateY(${(scrollTop / scrollHeight) * height}px)`
    }
    follow()
    element.addEventListener('scroll', follow, { passive: true })
    return () => element.removeEventListener('scroll', follow)
  }, [scroller, rows])

  function moveTo(event: PointerEvent<HTMLElement>): void {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect()
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height]
    const middle = (shown.from + shown.to) / 2
    time.show(pan(shown, all, (all.from + (all.to - all.from) * x - middle) / (shown.to - shown.from)))
    const element = scroller.current
    element?.scrollTo(0, element.scrollHeight * y - element.clientHeight / 2)
  }

  const length = all.to - all.from
  return (
    <div
      className={styles.map}
      aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        moveTo(event)
      }}
      onPointerMove={(event) => event.buttons === 1 && moveTo(event)}
    >
      <Steps rows={rows} all={all} now={now} />
      <span
        ref={seen}
        className={styles.seen}
        style={{
          insetInlineStart: `${((shown.from - all.from) / length) * 100}%`,
          width: `${((shown.to - shown.from) / length) * 100}%`,
        }}
      />
    </div>
  )
}

const Steps = memo(function Steps({ rows, all, now }: Pick<MinimapProps, 'rows' | 'all' | 'now'>) {
  const paths = useMemo(() => drawMap(rows, all, now), [rows, all, now])
  return (
    <svg viewBox={`0 0 ${MAP_WIDTH} ${MAP_HEIGHT}`} preserveAspectRatio="none">
      {paths.map(([status, path]) => (
        <path key={status} data-status={status} d={path} />
      ))}
    </svg>
  )
})
