import { messages } from '../messages/messages.ts'
import { formatDuration } from './numbers.ts'
import { endedWithoutSuccess, nameStatus, type Status } from './status.ts'

/** The fields of an execution that tell whether it is a retry. */
export interface Attempted {
  workflowName: string
  attempt: number
}

/** The fields of an execution that tell which one it repeats. */
export interface Repetition extends Attempted {
  executionId: string
  status: Status
  parentExecutionId: string | null
  retryOfExecutionId: string | null
}

/** The ids of the executions that recovered others, by the ids of those. */
export type Recoveries = ReadonlyMap<string, string>

// As on the server.
export const MAX_ATTEMPTS_AFTER = 5

/**
 * The retries of `execution`: those of its `children` that are later attempts of its workflow, and those that are `named`; and
 * the children that it started otherwise.
 */
export function splitRetries<C extends Attempted & { executionId: string }>(
  execution: Attempted,
  children: readonly C[],
  named: readonly C[] = [],
): { retries: readonly C[]; children: readonly C[] } {
  const ids = new Set(named.map((retry) => retry.executionId))
  const others = children.filter((child) => !ids.has(child.executionId))
  const isRetry = (child: C): boolean => isLaterAttempt(execution, child)
  return {
    retries: [...named, ...others.filter(isRetry)],
    children: others.filter((child) => !isRetry(child)),
  }
}

/** Whether `child` is a later attempt at what its `parent` did. */
export function isLaterAttempt(parent: Attempted, child: Attempted): boolean {
  return child.workflowName === parent.workflowName && child.attempt > parent.attempt
}

/** `known` with those of the rows that the `changed` ones recovered, where these have completed. */
export function addRecoveries<R extends Repetition>(
  known: Recoveries,
  changed: readonly R[],
  rows: () => ReadonlyMap<string, R>,
): Recoveries {
  const completed = changed.filter(({ status, retryOfExecutionId, parentExecutionId, attempt }) => {
    return status === 'COMPLETED' && (retryOfExecutionId !== null || (parentExecutionId !== null && attempt > 1))
  })
  if (completed.length === 0) return known
  const byId = rows()
  const recoveries = new Map(known)
  for (const { executionId, ...row } of completed) {
    let repeated = repeatedBy(row, byId)
    for (let further = 0; further < MAX_ATTEMPTS_AFTER && repeated !== undefined; further += 1) {
      if (!endedWithoutSuccess(repeated.status)) break
      if (!recoveries.has(repeated.executionId)) recoveries.set(repeated.executionId, executionId)
      repeated = repeatedBy(repeated, byId)
    }
  }
  return recoveries
}

function repeatedBy<R extends Repetition>(
  row: Omit<Repetition, 'executionId'>,
  rows: ReadonlyMap<string, R>,
): R | undefined {
  const named = rows.get(row.retryOfExecutionId ?? '')
  const parent = rows.get(row.parentExecutionId ?? '')
  return named ?? (parent !== undefined && isLaterAttempt(parent, row) ? parent : undefined)
}

/** A retry for people: `attempt 2 completed in 30 s`. */
export function describeRetry(retry: Attempted & { status: Status; durationSeconds: number | null }): string {
  const { attempt, status, durationSeconds } = retry
  const { attemptCompletedIn, attemptEnded } = messages.model
  return status === 'COMPLETED' && durationSeconds !== null
    ? attemptCompletedIn(attempt, formatDuration(durationSeconds))
    : attemptEnded(attempt, nameStatus(status).toLowerCase())
}
