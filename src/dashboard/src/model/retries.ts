import { formatDuration } from './numbers.ts'
import { nameStatus, type Status } from './status.ts'

/** The fields of an execution that tell whether it is a retry. */
export interface Attempted {
  workflowName: string
  attempt: number
}

/** Separates the `children` of `execution` that are later attempts of its workflow from those that it started otherwise. */
export function splitRetries<C extends Attempted>(
  execution: Attempted,
  children: readonly C[],
): { retries: readonly C[]; children: readonly C[] } {
  const isRetry = (child: C): boolean =>
    child.workflowName === execution.workflowName && child.attempt > execution.attempt
  return { retries: children.filter(isRetry), children: children.filter((child) => !isRetry(child)) }
}

/** A retry for people: `attempt 2 completed in 30 s`. */
export function describeRetry(retry: Attempted & { status: Status; durationSeconds: number | null }): string {
  const duration =
    retry.status === 'COMPLETED' && retry.durationSeconds !== null ? ` in ${formatDuration(retry.durationSeconds)}` : ''
  return `attempt ${retry.attempt} ${nameStatus(retry.status).toLowerCase()}${duration}`
}
