import { memo } from 'react'
import { Duration } from '../components/Duration.tsx'
import { StatusIcon } from '../components/StatusBadge.tsx'
import { messages } from '../messages/messages.ts'
import { formatCount } from '../model/numbers.ts'
import { nameStatus } from '../model/status.ts'
import type { GroupRow, StepRow } from '../model/stepRows.ts'
import { spanOf } from '../model/timeline.ts'
import { place, type Range } from '../model/timeWindow.ts'
import type { Step } from './operations.ts'
import styles from './Timeline.module.css'
import type { Select } from './useSelection.ts'

interface StepBarsProps {
  row: StepRow<Step>
  shown: Range
  now: number
  isSelected: boolean
  isDependency: boolean
  isCritical: boolean
  select: Select
}

/** A step on the timeline, with a bar for each of its attempts. */
export const StepBars = memo(function StepBars(props: StepBarsProps) {
  const { row, shown, now, isSelected, isDependency, isCritical, select } = props
  const { latest, attempts } = row
  const count = Math.max(latest.attempt, attempts.length)
  return (
    <button
      type="button"
      className={styles.row}
      aria-pressed={isSelected}
      data-dependency={isDependency}
      data-critical={isCritical}
      data-inner={row.isInGroup}
      onClick={({ target }) => {
        const bar = target instanceof Element ? target.closest<HTMLElement>('[data-attempt]') : null
        const attempt = bar === null || attempts.length === 1 ? null : Number(bar.dataset.attempt)
        // A bar selects its attempt; anywhere else, a click on the selected row closes it.
        select(isSelected && attempt === null ? { step: null, attempt: null } : { step: row.key, attempt })
      }}
    >
      <span className={styles.name} title={latest.name}>
        <StatusIcon status={latest.status} />
        <span className="visually-hidden">{nameStatus(latest.status)}: </span>
        <span className={styles.label}>{latest.name}</span>
        {count > 1 && (
          <span className={styles.attempt} title={messages.detail.timeline.attempts(formatCount(count))}>
            ×{count}
          </span>
        )}
        {isCritical && <span className="visually-hidden">, {messages.detail.timeline.onCriticalPath}</span>}
      </span>
      <span className={styles.track}>
        {attempts.map((step) => (
          <Bar
            key={step.id}
            span={spanOf(step, now)}
            shown={shown}
            status={step.status}
            attempt={step.attempt}
            isCritical={isCritical}
          />
        ))}
      </span>
      <span className={styles.seconds}>
        {latest.startedAt !== null && (
          <Duration
            seconds={latest.durationSeconds}
            startedAt={latest.startedAt}
            isRunning={latest.status === 'RUNNING'}
          />
        )}
      </span>
    </button>
  )
})

interface GroupBarProps {
  row: GroupRow<Step>
  span: Range | null
  shown: Range
  onToggle: (name: string) => void
}

/** The heading of a group of steps, with one bar for all of them. */
export const GroupBar = memo(function GroupBar({ row, span, shown, onToggle }: GroupBarProps) {
  return (
    <button type="button" className={styles.row} aria-expanded={row.isOpen} onClick={() => onToggle(row.name)}>
      <span className={styles.name} title={row.name}>
        <span className={styles.fold} aria-hidden="true">
          {row.isOpen ? '▾' : '▸'}
        </span>
        <span className={styles.label}>{messages.detail.timeline.group(row.name, formatCount(row.steps.length))}</span>
        {row.failed > 0 && (
          <span className={styles.failed}>{messages.detail.timeline.groupFailed(formatCount(row.failed))}</span>
        )}
      </span>
      <span className={styles.track}>
        <Bar span={span} shown={shown} status={row.failed > 0 ? 'FAILED' : 'GROUP'} isCritical={false} />
      </span>
      <span className={styles.seconds}>
        {span !== null && <Duration seconds={(span.to - span.from) / 1000} startedAt={null} isRunning={false} />}
      </span>
    </button>
  )
})

interface BarProps {
  span: Range | null
  shown: Range
  status: string
  attempt?: number
  isCritical: boolean
}

function Bar({ span, shown, status, attempt, isCritical }: BarProps) {
  const placed = span && place(span, shown)
  if (placed === null) return null
  const style = { insetInlineStart: `${placed.left * 100}%`, width: `${placed.width * 100}%` }
  return (
    <span className={styles.bar} data-status={status} data-attempt={attempt} data-critical={isCritical} style={style} />
  )
}
