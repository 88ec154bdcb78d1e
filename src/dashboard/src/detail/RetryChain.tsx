import { Fragment } from 'react'
import { Link } from 'wouter'
import { StatusIcon } from '../components/StatusBadge.tsx'
import { messages } from '../messages/messages.ts'
import { executionPath } from '../model/paths.ts'
import { describeOutcome, nameRun, type ChainedRun } from '../model/retryChain.ts'
import { formatCount } from '../model/numbers.ts'
import type { Execution } from './operations.ts'
import styles from './Summary.module.css'

interface RetryChainProps {
  execution: Execution
  /** What it repeats, the latest first. */
  repeated: readonly ChainedRun[]
  retries: readonly ChainedRun[]
  recoveredBy: string | null
}

/** The chain of retries that an execution is in, in words. */
export function RetryChain({ execution, repeated, retries, recoveredBy }: RetryChainProps) {
  const text = messages.detail.retries
  const outcome = describeOutcome(execution.status, retries, recoveredBy, repeated)
  if (repeated.length === 0 && retries.length === 0) return null
  return (
    <p className={styles.chain}>
      {repeated.length > 0 && (
        <span>
          {text.repeats(formatCount(execution.attempt))}
          <Runs runs={repeated} separator={text.before} />.{' '}
        </span>
      )}
      {retries.length > 0 && (
        <span>
          {text.retried}
          <Runs runs={retries} separator={text.then} />.{' '}
        </span>
      )}
      {outcome !== null && <strong>{outcome}</strong>}
    </p>
  )
}

function Runs({ runs, separator }: { runs: readonly ChainedRun[]; separator: string }) {
  return runs.map((run, index) => (
    <Fragment key={run.executionId}>
      {index > 0 && separator}
      <Link className={styles.child} href={executionPath(run.executionId)}>
        <StatusIcon status={run.status} />
        {nameRun(run)}
      </Link>
    </Fragment>
  ))
}
