import { Link } from 'wouter'
import { Duration } from '../components/Duration.tsx'
import { Fact } from '../components/Fact.tsx'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { StatusBadge, StatusIcon } from '../components/StatusBadge.tsx'
import { StartTime } from '../components/StartTime.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import type { LiveStatus } from '../model/liveStatus.ts'
import { formatCost, formatCount } from '../model/numbers.ts'
import { executionPath, workflowPath } from '../model/paths.ts'
import { describeProgress } from '../model/progress.ts'
import { hasEnded } from '../model/status.ts'
import { CopyButton } from './CopyButton.tsx'
import { FollowButton } from './FollowButton.tsx'
import { Neighbours } from './Neighbours.tsx'
import type { NeighbouringRuns } from './useNeighbours.ts'
import type { Execution } from './operations.ts'
import { RetryChain } from './RetryChain.tsx'
import styles from './Summary.module.css'
import { useRelatives } from './useRelatives.ts'

interface SummaryProps {
  execution: Execution
  status: LiveStatus | null
  behindSeconds: number
  isRemoved: boolean
  runs: NeighbouringRuns
}

/** The head of an execution's page: status, retries, times, who started it, cost, parent, children and tags. */
export function Summary({ execution, status, behindSeconds, isRemoved, runs }: SummaryProps) {
  const text = messages.detail
  const progress = describeProgress(execution)
  const isRunning = execution.status === 'RUNNING'
  const relatives = useRelatives(execution)
  const { retries, children, recoveredBy, repeated } = relatives
  return (
    <header className={styles.summary}>
      <div className={styles.title}>
        <h1>
          <Link href={workflowPath(execution.workflowName)}>{execution.workflowName}</Link>
        </h1>
        <StatusBadge status={execution.status} detail={execution.statusDetail} />
        {execution.attempt > 1 && <span className={styles.soft}>{text.attempt(formatCount(execution.attempt))}</span>}
        {status !== null && <LiveIndicator status={status} behindSeconds={behindSeconds} />}
        <span className={styles.end}>
          {!hasEnded(execution.status) && <FollowButton executionId={execution.executionId} />}
          <Neighbours runs={runs} />
        </span>
      </div>
      <p className={styles.soft}>
        {execution.name !== null && `${execution.name} · `}
        <code>{execution.executionId}</code> <CopyButton text={() => execution.executionId} />
      </p>
      <RetryChain execution={execution} repeated={repeated} retries={retries} recoveredBy={recoveredBy} />
      {isRemoved && (
        <p className={styles.removed} role="status">
          {text.removed}
        </p>
      )}
      <dl className={styles.facts}>
        <Fact name={text.facts.created}>
          <Timestamp at={execution.createdAt} />
        </Fact>
        <Fact name={text.facts.started}>
          <StartTime at={execution.startedAt} status={execution.status} />
        </Fact>
        {execution.completedAt !== null && (
          <Fact name={text.facts.ended}>
            <Timestamp at={execution.completedAt} />
          </Fact>
        )}
        {execution.startedAt !== null && (
          <Fact name={text.facts.duration}>
            <Duration seconds={execution.durationSeconds} startedAt={execution.startedAt} isRunning={isRunning} />
          </Fact>
        )}
        {progress !== null && (
          <Fact name={text.facts.steps}>
            <span title={progress.details}>{progress.count}</span>
          </Fact>
        )}
        <Fact name={text.facts.startedBy}>{execution.triggeredBy ?? execution.userId}</Fact>
        {execution.totalCost > 0 && <Fact name={text.facts.cost}>{formatCost(execution.totalCost)}</Fact>}
        {execution.tokens > 0 && <Fact name={text.facts.tokens}>{formatCount(execution.tokens)}</Fact>}
        {execution.parentExecutionId !== null && (
          <Fact name={text.facts.parent}>
            <Link href={executionPath(execution.parentExecutionId)}>
              <code>{execution.parentExecutionId}</code>
            </Link>
          </Fact>
        )}
        {recoveredBy !== null && !retries.some((retry) => retry.executionId === recoveredBy) && (
          <Fact name={text.facts.recoveredBy}>
            <Link className={styles.child} href={executionPath(recoveredBy)}>
              <StatusIcon status="COMPLETED" /> <code>{recoveredBy}</code>
            </Link>
          </Fact>
        )}
        {children.length > 0 && (
          <Fact name={text.facts.children}>
            <span className={styles.tags}>
              {children.map((child) => (
                <Link key={child.executionId} className={styles.child} href={executionPath(child.executionId)}>
                  <StatusIcon status={child.status} /> {child.workflowName}
                </Link>
              ))}
              {relatives.hasMoreChildren && text.facts.more}
            </span>
          </Fact>
        )}
        {execution.tags.length > 0 && (
          <Fact name={text.facts.tags}>
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
