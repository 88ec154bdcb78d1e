import { memo, type ReactNode } from 'react'
import { Link } from 'wouter'
import { Duration } from '../components/Duration.tsx'
import { StatusBadge, StatusIcon } from '../components/StatusBadge.tsx'
import { StartTime } from '../components/StartTime.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { infoOf, type Column } from '../model/columns.ts'
import { formatBriefly, formatCost, formatCount } from '../model/numbers.ts'
import { executionPath } from '../model/paths.ts'
import { describeProgress } from '../model/progress.ts'
import { endedWithoutSuccess } from '../model/status.ts'
import styles from './ExecutionTable.module.css'
import type { Execution } from './operations.ts'

interface ExecutionRowProps {
  row: Execution
  recoveredBy: string | null
  index: number
  top: number
  columns: readonly Column[]
  isSelected: boolean
  isChosen: boolean
  isLeaving: boolean
  onOpen: (executionId: string) => void
  onSelect: (executionId: string) => void
  /** A click on the box of the row, or with the shift key: then all rows from the one chosen last. */
  onChoose: (executionId: string, isRange: boolean) => void
  /** The menu of the row that is selected. */
  menu: ReactNode
}

/** One execution in the list. */
export const ExecutionRow = memo(function ExecutionRow(props: ExecutionRowProps) {
  const { row, recoveredBy, index, top, columns, isSelected, isChosen, isLeaving } = props
  const { onOpen, onSelect, onChoose, menu } = props
  const states = [isSelected && styles.selected, isChosen && styles.chosen, isLeaving && styles.leaving]
  return (
    // Keyboards and screen readers use the link; for pointers the whole row is the target.
    <div
      className={[styles.row, ...states].filter(Boolean).join(' ')}
      role="row"
      aria-rowindex={index + 2}
      data-id={row.executionId}
      aria-current={isSelected ? 'true' : undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={(event) => {
        onSelect(row.executionId)
        if (event.target instanceof Element && event.target.closest('a, button, label') === null)
          onOpen(row.executionId)
      }}
    >
      <div role="cell" className={styles.choice}>
        <label>
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={messages.list.select(row.workflowName, row.executionId)}
            onChange={(event) => onChoose(row.executionId, (event.nativeEvent as PointerEvent).shiftKey)}
          />
        </label>
      </div>
      {columns.map((column) => (
        <div
          key={column}
          role="cell"
          className={`${styles.cell ?? ''} ${infoOf(column).isNumber ? (styles.number ?? '') : ''}`}
          data-column={column}
        >
          <Cell column={column} row={row} recoveredBy={recoveredBy} />
          {column === 'workflow' && menu}
        </div>
      ))}
    </div>
  )
})

interface CellProps {
  column: Column
  row: Execution
  recoveredBy: string | null
}

function Cell({ column, row, recoveredBy }: CellProps) {
  switch (column) {
    case 'status':
      return (
        <>
          <StatusBadge status={row.status} detail={row.statusDetail} />
          {recoveredBy !== null && endedWithoutSuccess(row.status) && <Recovered by={recoveredBy} />}
        </>
      )
    case 'workflow':
      return (
        <Link className={styles.link} href={executionPath(row.executionId)} title={row.name ?? row.executionId}>
          {row.workflowName}
        </Link>
      )
    case 'id':
      return <code title={row.executionId}>{row.executionId}</code>
    case 'who':
      return <span title={messages.list.owner(row.userId)}>{row.triggeredBy ?? row.userId}</span>
    case 'created':
      return <Timestamp at={row.createdAt} />
    case 'started':
      return (
        <span className={row.startedAt === null ? styles.faint : undefined}>
          <StartTime at={row.startedAt} status={row.status} />
        </span>
      )
    case 'completed':
      return <Timestamp at={row.completedAt} />
    case 'duration':
      return <Duration seconds={row.durationSeconds} startedAt={row.startedAt} isRunning={row.status === 'RUNNING'} />
    case 'progress':
      return <Progress row={row} />
    case 'cost':
      return row.totalCost === 0 ? null : formatCost(row.totalCost)
    case 'tokens':
      return row.tokens === 0 ? null : <span title={formatCount(row.tokens)}>{formatBriefly(row.tokens)}</span>
    case 'error':
      return row.error === null ? null : (
        <span className={styles.error} title={row.error.message}>
          {row.error.message}
        </span>
      )
    case 'attempt':
      return row.attempt
    case 'tags':
      return (
        <span title={row.tags.map((tag) => `${tag.key}=${tag.value}`).join(', ')}>
          {row.tags.map((tag) => `${tag.key}=${tag.value}`).join(', ')}
        </span>
      )
  }
}

/** The mark of an execution that was repeated, and completed then. */
function Recovered({ by }: { by: string }) {
  return (
    <Link
      className={styles.recovered}
      href={executionPath(by)}
      title={messages.list.recoveredBy(by)}
      aria-label={messages.list.recovered}
    >
      <StatusIcon status="COMPLETED" />
    </Link>
  )
}

function Progress({ row }: { row: Execution }) {
  const progress = describeProgress(row)
  if (progress === null) return null
  return (
    <span className={styles.progress} title={progress.details}>
      <span className={styles.track} aria-hidden="true">
        <span data-status={row.status} style={{ width: `${Math.min(100, Math.max(0, row.progress.percentage))}%` }} />
      </span>
      <span className={styles.faint}>{progress.count}</span>
      {row.stepsFailed > 0 && <span className={styles.error}>{messages.list.failedSteps(row.stepsFailed)}</span>}
    </span>
  )
}
