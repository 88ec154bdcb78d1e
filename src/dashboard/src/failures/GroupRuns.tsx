import { useEffect, useState } from 'react'
import { useQuery } from 'urql'
import { Link } from 'wouter'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { formatCount, formatDuration } from '../model/numbers.ts'
import { rangesOf } from '../model/overview.ts'
import { executionPath } from '../model/paths.ts'
import type { Scope } from '../model/scope.ts'
import styles from './FailuresPage.module.css'
import { READ_RUNS, type Run } from './operations.ts'

interface GroupRunsProps {
  /** That of the page with the group in its filter. */
  scope: Scope
  /** How many there are: when it changes, they are read again. */
  count: number
}

/** The newest executions of a group, and the first one beside the last that succeeded before it. */
export function GroupRuns({ scope, count }: GroupRunsProps) {
  const words = messages.failures
  const [openedAt] = useState(Date.now)
  const { present: filter } = rangesOf(scope, openedAt)
  const [{ data, error }, read] = useQuery({ query: READ_RUNS, variables: { filter } })
  useEffect(() => read(), [read, count])
  const first = data?.oldest.nodes[0]
  return (
    <div role="group" aria-label={words.latestRuns}>
      <h3>{words.latestRuns}</h3>
      {error !== undefined && (
        <p className={styles.problem} role="alert">
          {explain(error)}
        </p>
      )}
      {data === undefined && error === undefined && <p className={styles.faint}>{messages.components.loading}</p>}
      {data !== undefined && (
        <ul className={styles.runs}>
          {data.newest.nodes.map((run) => (
            <RunItem key={run.executionId} run={run} />
          ))}
        </ul>
      )}
      {first !== undefined && (
        <p className={styles.facts}>
          <Link href={executionPath(first.executionId)}>{words.firstRun}</Link>
          <Timestamp at={first.createdAt} />
          <Link href={`${executionPath(first.executionId)}?tab=compare`}>{words.compareFirst}</Link>
        </p>
      )}
    </div>
  )
}

function RunItem({ run }: { run: Run }) {
  return (
    <li className={styles.facts}>
      <StatusBadge status={run.status} />
      <Link href={executionPath(run.executionId)}>{run.workflowName}</Link>
      <Timestamp at={run.createdAt} />
      {run.durationSeconds !== null && <span className={styles.faint}>{formatDuration(run.durationSeconds)}</span>}
      {run.attempt > 1 && <span className={styles.faint}>{messages.failures.attempt(formatCount(run.attempt))}</span>}
    </li>
  )
}
