import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useQuery } from 'urql'
import { addressOf } from '../list/ExecutionRow.tsx'
import { formatCost, formatCount } from '../model/numbers.ts'
import type { LiveStatus } from '../model/reconnection.ts'
import { Duration } from '../components/Duration.tsx'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { StatusBadge, StatusIcon } from '../components/StatusBadge.tsx'
import { CHILDREN, type Execution } from './operations.ts'
import styles from './Summary.module.css'

interface SummaryProps {
  execution: Execution
  status: LiveStatus | null
  behindSeconds: number
  isGone: boolean
}

/** What an execution is: its status, its times, who began it, what it cost, and what it belongs to. */
export function Summary({ execution, status, behindSeconds, isGone }: SummaryProps) {
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
      {isGone && (
        <p className={styles.gone} role="status">
          This execution is gone, or no longer yours to see. What stands here is the last that was known.
        </p>
      )}
      <dl className={styles.facts}>
        <Fact name="Created">
          <Timestamp at={execution.createdAt} />
        </Fact>
        <Fact name="Started">{execution.startedAt === null ? 'not yet' : <Timestamp at={execution.startedAt} />}</Fact>
        {execution.completedAt !== null && (
          <Fact name="Ended">
            <Timestamp at={execution.completedAt} />
          </Fact>
        )}
        <Fact name="Duration">
          <Duration seconds={execution.durationSeconds} startedAt={execution.startedAt} isRunning={isRunning} />
        </Fact>
        {execution.progress.totalSteps > 0 && (
          <Fact name="Steps">
            {execution.progress.currentStep}/{execution.progress.totalSteps}
          </Fact>
        )}
        <Fact name="By">{execution.triggeredBy ?? execution.userId}</Fact>
        {execution.totalCost > 0 && <Fact name="Cost">{formatCost(execution.totalCost)}</Fact>}
        {execution.tokensUsed > 0 && <Fact name="Tokens">{formatCount(execution.tokensUsed)}</Fact>}
        {execution.parentExecutionId !== null && (
          <Fact name="Parent">
            <Link href={addressOf(execution.parentExecutionId)}>
              <code>{execution.parentExecutionId}</code>
            </Link>
          </Fact>
        )}
        <Children executionId={execution.executionId} />
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

function Children({ executionId }: { executionId: string }) {
  const [{ data }] = useQuery({ query: CHILDREN, variables: { id: executionId } })
  const children = data?.executions.nodes ?? []
  if (children.length === 0) return null
  return (
    <Fact name="Children">
      <span className={styles.tags}>
        {children.map((child) => (
          <Link key={child.executionId} className={styles.child} href={addressOf(child.executionId)}>
            <StatusIcon status={child.status} /> {child.workflowName}
          </Link>
        ))}
        {data?.executions.pageInfo.hasNextPage === true && 'and more'}
      </span>
    </Fact>
  )
}
