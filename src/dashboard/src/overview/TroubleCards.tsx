import { Link } from 'wouter'
import { Sparkline } from '../charts/Sparkline.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { useNow } from '../components/useNow.ts'
import { messages } from '../messages/messages.ts'
import { formatCount, formatDuration } from '../model/numbers.ts'
import { findSuspects, listOf } from '../model/overview.ts'
import { executionPath } from '../model/paths.ts'
import type { Scope } from '../model/scope.ts'
import { Card } from './Card.tsx'
import type { Trouble } from './operations.ts'
import styles from './OverviewPage.module.css'

// As many as the other cards have.
const ROWS = 6

interface TroubleProps {
  scope: Scope
  /** Null until it has been read. */
  trouble: Trouble | null
  error: string | null
}

/** The groups of errors of which there was none in the days before. */
export function NewErrors({ scope, trouble, error }: TroubleProps) {
  const words = messages.overview
  const groups = trouble?.executionStatistics.errorGroups.filter(({ isNew }) => isNew).slice(0, ROWS)
  return (
    <Card
      title={words.newErrors}
      hint={words.newErrorsHint}
      empty={words.newErrorsEmpty}
      error={error}
      rows={
        groups?.map((group) => (
          <li key={group.id}>
            <Link
              className={styles.row}
              href={listOf(scope, { field: 'errorGroup', operator: 'eq', values: [group.id] })}
            >
              <span className={styles.label} title={group.message}>
                {group.message === '' ? (group.type ?? group.code ?? words.noMessage) : group.message}
              </span>
              <Sparkline label={words.trend(formatCount(group.count))} values={group.series} tone="FAILED" />
              <strong data-tone="bad">{formatCount(group.count)}</strong>
              <span className={styles.detail}>
                {[group.code, group.workflowNames.join(', ')].filter(Boolean).join(' · ')} · {words.since}{' '}
                <Timestamp at={group.firstSeenAt} />
              </span>
            </Link>
          </li>
        )) ?? null
      }
    />
  )
}

/** The running executions that should have ended by now, or have stopped to send heartbeats. */
export function StuckOrSilent({ trouble, error, usual }: TroubleProps & { usual: ReadonlyMap<string, number> }) {
  const words = messages.overview
  const now = useNow()
  const suspects = trouble === null ? null : findSuspects(trouble.executions.nodes, usual, now).slice(0, ROWS)
  return (
    <Card
      title={words.stuck}
      hint={words.stuckHint}
      empty={words.stuckEmpty}
      error={error}
      rows={
        suspects?.map(({ execution, runningFor, usual: expected, silentFor }) => (
          <li key={execution.executionId}>
            <Link className={styles.row} href={executionPath(execution.executionId)}>
              <span className={styles.label}>{execution.workflowName}</span>
              <code className={styles.id}>{execution.executionId}</code>
              <span className={styles.detail}>
                {[
                  words.runningFor(formatDuration(Math.floor(runningFor))),
                  ...(expected === null ? [] : [words.usually(formatDuration(expected))]),
                  ...(silentFor === null ? [] : [words.silentFor(formatDuration(Math.floor(silentFor)))]),
                ].join(' · ')}
              </span>
            </Link>
          </li>
        )) ?? null
      }
    />
  )
}
