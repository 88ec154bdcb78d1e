import { useState, type PointerEvent, type RefObject } from 'react'
import { ticksOf } from '../model/timeline.ts'
import { between, type Range } from '../model/timeWindow.ts'
import styles from './Ruler.module.css'
import type { TimeWindow } from './useTimeWindow.ts'

interface RulerProps {
  all: Range
  time: TimeWindow
  /** The part of the ruler that is above the bars. */
  track: RefObject<HTMLSpanElement | null>
}

/** The axis of a timeline: dragging along it zooms into a part, a double click shows all. */
export function Ruler({ all, time, track }: RulerProps) {
  const [drawn, draw] = useState<{ from: number; to: number } | null>(null)

  function fractionOf(event: PointerEvent<HTMLElement>): number {
    const { left, width } = event.currentTarget.getBoundingClientRect()
    return (event.clientX - left) / width
  }

  return (
    <div className={styles.ruler} aria-hidden="true" data-ruler>
      <span
        ref={track}
        className={styles.track}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          draw({ from: fractionOf(event), to: fractionOf(event) })
        }}
        onPointerMove={(event) => drawn !== null && draw({ ...drawn, to: fractionOf(event) })}
        onPointerUp={() => {
          const range = drawn && between(time.shown, drawn.from, drawn.to)
          if (range !== null) time.show(range)
          draw(null)
        }}
        onPointerCancel={() => draw(null)}
        onDoubleClick={() => time.show(null)}
      >
        {ticksOf(time.shown, all.from).map((tick) => (
          <span key={tick.position} className={styles.tick} style={{ insetInlineStart: `${tick.position * 100}%` }}>
            {tick.name}
          </span>
        ))}
        {drawn !== null && (
          <span
            className={styles.drawn}
            style={{
              insetInlineStart: `${Math.min(drawn.from, drawn.to) * 100}%`,
              width: `${Math.abs(drawn.to - drawn.from) * 100}%`,
            }}
          />
        )}
      </span>
    </div>
  )
}
