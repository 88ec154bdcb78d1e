import { endedWithoutSuccess, hasEnded, nameStatus, type Status } from './status.ts'
import { messages } from '../messages/messages.ts'
import { formatCount, formatDuration } from './numbers.ts'

/** An execution that is a retry, or was retried. */
export interface ChainedRun {
  executionId: string
  status: Status
  attempt: number
  durationSeconds: number | null
}

/** An execution with the one that it repeats, and so on, as the API nests them. */
export interface Repeating extends ChainedRun {
  retryOf?: Repeating | null
}

/** The executions that `run` repeats, the latest first. */
export function repeatedBy(run: Repeating | null | undefined): ChainedRun[] {
  const found: ChainedRun[] = []
  for (let each = run; each; each = each.retryOf) found.push(each)
  return found
}

/** A run of the chain for people: `attempt 1 (failed after 12 s)`. */
export function nameRun({ attempt, status, durationSeconds }: ChainedRun): string {
  const text = messages.detail.retries
  const [number, state] = [formatCount(attempt), nameStatus(status).toLowerCase()]
  if (!hasEnded(status) || durationSeconds === null) return text.run(number, state)
  return text.runAfter(number, state, formatDuration(durationSeconds))
}

/** What the retries of a run, or of those that it repeats, came to: a sentence, or null where the run needs none. */
export function describeOutcome(
  status: Status,
  retries: readonly ChainedRun[],
  recoveredBy: string | null,
  repeated: readonly ChainedRun[] = [],
): string | null {
  const text = messages.detail.retries
  if (!endedWithoutSuccess(status)) return null
  if (recoveredBy !== null || retries.some((retry) => retry.status === 'COMPLETED')) return text.recovered
  if (retries.length === 0 && repeated.length === 0) return null
  return retries.every((retry) => hasEnded(retry.status)) ? text.notRecovered : text.pending
}
