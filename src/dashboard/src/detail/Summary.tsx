import { useEffect, type ReactNode } from 'react'
import { Link } from 'wouter'
import { useQuery } from 'urql'
import { Duration } from '../components/Duration.tsx'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { StatusBadge, StatusIcon } from '../components/StatusBadge.tsx'
import { StartTime } from '../components/StartTime.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import type { LiveStatus } from '../model/liveStatus.ts'
import { formatCost, formatCount } from '../model/numbers.ts'
import { executionPath } from '../model/paths.ts'
import { describeProgress } from '../model/progress.ts'
import { describeRetry, splitRetries } from '../model/retries.ts'
import { RELATIVES, type Execution } from './operations.ts'
import styles from './Summary.module.css'

interface SummaryProps {
  execution: Execution
  status: LiveStatus | null
  behindSeconds: number
  isRemoved: boolean
}

/** The head of an execution's page: status, times, who started it, cost, parent, children and tags. */
export function Summary({ execution, status, behindSeconds, isRemoved }: SummaryProps) {
  const progress = describeProgress(execution)
  const isRunning = execution.status === 'RUNNING'
  return (
    <header className={styles.summary}>
      <div className={styles.title}>
        <h1>{execution.workflowName}</h1>
        <StatusBadge status={execution.status} detail={execution.statusDetail} />
        {execution.attempt > 1 && <span className={styles.soft}>attempt {execution.attempt}</span>}
        <span className={styles.live}>
          {status !== null && <LiveIndicator status={status} behindSeconds={behindSeconds} />}
        </span>
      </div>
      <p className={styles.soft}>
        {execution.name !== null && `${execution.name} · `}
        <code>{execution.executionId}</code>
      </p>
      {isRemoved && (
        <p className={styles.removed} role="status">
          This execution was deleted, or you may no longer see it. The page shows its last known state.
        </p>
      )}
      <dl className={styles.facts}>
        <Fact name="Created">
          <Timestamp at={execution.createdAt} />
        </Fact>
        <Fact name="Started">
          <StartTime at={execution.startedAt} status={execution.status} />
        </Fact>
        {execution.completedAt !== null && (
          <Fact name="Ended">
            <Timestamp at={execution.completedAt} />
          </Fact>
        )}
        {execution.startedAt !== null && (
          <Fact name="Duration">
            <Duration seconds={execution.durationSeconds} startedAt={execution.startedAt} isRunning={isRunning} />
          </Fact>
        )}
        {progress !== null && (
          <Fact name="Steps">
            <span title={progress.details}>{progress.count}</span>
          </Fact>
        )}
        <Fact name="Started by">{execution.triggeredBy ?? execution.userId}</Fact>
        {execution.totalCost > 0 && <Fact name="Cost">{formatCost(execution.totalCost)}</Fact>}
        {execution.tokens > 0 && <Fact name="Tokens">{formatCount(execution.tokens)}</Fact>}
        {execution.parentExecutionId !== null && (
          <Fact name="Parent">
            <Link href={executionPath(execution.parentExecutionId)}>
              <code>{execution.parentExecutionId}</code>
            </Link>
          </Fact>
        )}
        <Relatives execution={execution} />
        {execution.tags.length > 0 && (
          <Fact name="Tags">
            <span className={styles.tags}>
              {execution.tags.map(({ key, value }) => (
                <span key={`${key}=${value}`} className={styles.tag}>
                  {key}={value}
                </span>
              ))}
            </span>
          </Fact>
        )}
      </dl>
    </header>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** The chain of retries that the execution is in, and what it started otherwise. */
function Relatives({ execution }: { execution: Execution }) {
  const [{ data }, read] = useQuery({ query: RELATIVES, variables: { id: execution.executionId } })
  useEffect(() => read(), [read, execution.updatedAt])
  const { retryOf = null, recoveredBy = null, retries: named = [] } = data?.execution ?? {}
  const { retries, children } = splitRetries(execution, data?.executions.nodes ?? [], named)
  return (
    <>
      {retryOf !== null && (
        <Fact name="Retry of">
          <Link className={styles.child} href={executionPath(retryOf.executionId)}>
            <StatusIcon status={retryOf.status} /> {describeRetry(retryOf)}
          </Link>
        </Fact>
      )}
      {retries.length > 0 && (
        <Fact name="Retried">
          <span className={styles.tags}>
            {retries.map((retry) => (
              <Link key={retry.executionId} className={styles.child} href={executionPath(retry.executionId)}>
                <StatusIcon status={retry.status} /> {describeRetry(retry)}
              </Link>
            ))}
          </span>
        </Fact>
      )}
      {recoveredBy !== null && !retries.some((retry) => retry.executionId === recoveredBy) && (
        <Fact name="Recovered by">
          <Link className={styles.child} href={executionPath(recoveredBy)}>
            <StatusIcon status="COMPLETED" /> <code>{recoveredBy}</code>
          </Link>
        </Fact>
      )}
      {children.length > 0 && (
        <Fact name="Children">
          <span className={styles.tags}>
            {children.map((child) => (
              <Link key={child.executionId} className={styles.child} href={executionPath(child.executionId)}>
                <StatusIcon status={child.status} /> {child.workflowName}
              </Link>
            ))}
            {data?.executions.pageInfo.hasNextPage === true && 'and more'}
          </span>
        </Fact>
      )}
    </>
  )
}
