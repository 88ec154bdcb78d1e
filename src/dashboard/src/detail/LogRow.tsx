import { memo } from 'react'
import { messages } from '../messages/messages.ts'
import { stripEscapes } from '../model/ansi.ts'
import { formatUtc } from '../model/dates.ts'
import { keyOfLine } from '../model/logLines.ts'
import { drawnText } from '../model/logText.ts'
import { AnsiText } from './AnsiText.tsx'
import styles from './LogView.module.css'
import type { LogLine } from './operations.ts'
import type { Select } from './useSelection.ts'

interface LogRowProps {
  line: LogLine
  index: number
  top: number
  /** Its time, as it is shown. */
  time: string
  isSelected: boolean
  select: Select
  /** Measures the row, where lines wrap. */
  measure: ((element: HTMLElement | null) => void) | undefined
}

/** One line of a log: time, level, step and message, of one or more rows of text. A click on its time selects it. */
export const LogRow = memo(function LogRow({ line, index, top, time, isSelected, select, measure }: LogRowProps) {
  const text = drawnText(line.message)
  const at = Date.parse(line.at)
  return (
    <div
      ref={measure}
      data-index={index}
      className={styles.line}
      data-level={line.level}
      data-selected={isSelected}
      style={{ transform: `translateY(${top}px)` }}
      title={text.includes('\n') ? undefined : stripEscapes(text)}
    >
      <button
        type="button"
        className={styles.time}
        aria-label={messages.detail.logs.select(time)}
        aria-pressed={isSelected}
        onClick={() => select({ line: isSelected ? null : keyOfLine(line) })}
      >
        <time dateTime={line.at} title={formatUtc(at)}>
          {time}
        </time>
      </button>
      <span className={styles.level} title={line.levelName ?? undefined}>
        {line.level}
      </span>
      <span className={styles.step} title={line.stepId ?? undefined}>
        {line.stepId}
      </span>
      <span className={styles.message}>
        <AnsiText text={text} />
        {line.attributes !== null && <span className={styles.more}> {'{…}'}</span>}
      </span>
    </div>
  )
})
