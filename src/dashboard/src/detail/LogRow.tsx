import { memo, type CSSProperties } from 'react'
import { useZone } from '../components/ZoneContext.ts'
import { stripEscapes, toSpans, type Span } from '../model/ansi.ts'
import { formatLogTime, formatUtc } from '../model/dates.ts'
import { drawnText } from '../model/logText.ts'
import styles from './LogView.module.css'
import type { LogLine } from './operations.ts'

interface LogRowProps {
  line: LogLine
  index: number
  top: number
  /** Whether the log is of more than this day. */
  hasDate: boolean
  /** Measures the row, where lines wrap. */
  measure: ((element: HTMLElement | null) => void) | undefined
}

/** One line of a log: time, level, step and message, of one or more rows of text. */
export const LogRow = memo(function LogRow({ line, index, top, hasDate, measure }: LogRowProps) {
  const time = Date.parse(line.at)
  const zone = useZone()
  const text = drawnText(line.message)
  return (
    <div
      ref={measure}
      data-index={index}
      className={styles.line}
      data-level={line.level}
      style={{ transform: `translateY(${top}px)` }}
      title={text.includes('\n') ? undefined : stripEscapes(text)}
    >
      <time dateTime={line.at} title={formatUtc(time)}>
        {formatLogTime(time, hasDate, zone)}
      </time>
      <span className={styles.level} title={line.levelName ?? undefined}>
        {line.level}
      </span>
      <span className={styles.step} title={line.stepId ?? undefined}>
        {line.stepId}
      </span>
      <span className={styles.message}>
        {toSpans(text).map((span, position) => (
          // A part is identified by its position alone.
          <Part key={position} span={span} />
        ))}
      </span>
    </div>
  )
})

function Part({ span }: { span: Span }) {
  const { text, colour, background, isBold, isUnderlined } = span
  if (colour === null && background === null && !isBold && !isUnderlined) return text
  const style: CSSProperties = {
    ...(colour !== null && { color: cssColour(colour) }),
    ...(background !== null && { backgroundColor: `color-mix(in srgb, ${cssColour(background)} 25%, transparent)` }),
    ...(isBold && { fontWeight: 700 }),
    ...(isUnderlined && { textDecoration: 'underline' }),
  }
  return <span style={style}>{text}</span>
}

/** Named colours are the theme's; others are mixed with that of text, so that they can be read in both themes. */
function cssColour(colour: string): string {
  return colour.includes(',')
    ? `color-mix(in srgb, rgb(${colour}) 65%, var(--text))`
    : `var(--ansi-${colour.replace('bright-', '')})`
}
