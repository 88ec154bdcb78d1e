import { useEffect, useState } from 'react'
import { useClient, useQuery } from 'urql'
import { MAX_ATTEMPTS_AFTER, isLaterAttempt, splitRetries } from '../model/retries.ts'
import { repeatedBy, type ChainedRun } from '../model/retryChain.ts'
import { hasEnded } from '../model/status.ts'
import { RELATIVES, REPEATED_PARENT, type Execution } from './operations.ts'

// Milliseconds. No event tells that a retry has changed: it is another execution.
const READ_RETRIES_EVERY = 10_000

/** The executions of the chain of retries that `execution` is in, and those that it started otherwise. */
export function useRelatives(execution: Execution) {
  const [{ data }, read] = useQuery({ query: RELATIVES, variables: { id: execution.executionId } })
  useEffect(() => read(), [read, execution.updatedAt])
  const parents = useRepeatedParents(execution)
  const { retryOf = null, recoveredBy = null, retries: named = [] } = data?.execution ?? {}
  const { retries, children } = splitRetries(execution, data?.executions.nodes ?? [], named)
  const isWaiting = retries.some((retry) => !hasEnded(retry.status))
  useEffect(() => {
    if (!isWaiting) return
    const timer = window.setInterval(() => read(), READ_RETRIES_EVERY)
    return () => window.clearInterval(timer)
  }, [isWaiting, read])
  const hasMoreChildren = data?.executions.pageInfo.hasNextPage === true
  const repeated = retryOf === null ? parents : repeatedBy(retryOf)
  return { retries, children, recoveredBy, repeated, hasMoreChildren }
}

/** The earlier attempts of an execution whose engine names them as parents, the latest first. */
function useRepeatedParents({ executionId, workflowName, attempt, parentExecutionId }: Execution) {
  const client = useClient()
  const [repeated, setRepeated] = useState<readonly ChainedRun[]>([])
  useEffect(() => {
    let isCurrent = true
    async function readParents(): Promise<void> {
      const found: ChainedRun[] = []
      let run = { workflowName, attempt, parentExecutionId }
      while (run.attempt > 1 && run.parentExecutionId !== null && found.length < MAX_ATTEMPTS_AFTER) {
        const { data } = await client.query(REPEATED_PARENT, { id: run.parentExecutionId }).toPromise()
        const parent = data?.execution
        if (!parent || !isLaterAttempt(parent, run)) break
        found.push(parent)
        run = parent
      }
      if (isCurrent) setRepeated(found)
    }
    void readParents()
    return () => {
      isCurrent = false
    }
  }, [client, executionId, workflowName, attempt, parentExecutionId])
  return repeated
}
