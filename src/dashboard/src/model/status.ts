import type { SchemaType } from '../graphql/schemaTypes.ts'

/** The status of an execution or a step. */
export type Status = SchemaType<'ExecutionStatus'>

const NAMES: Record<Status, string> = {
  PENDING: 'Pending',
  RUNNING: 'Running',
  PAUSED: 'Paused',
  COMPLETED: 'Completed',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
  TIMED_OUT: 'Timed out',
}

/** All statuses, in the order of an execution's life. */
export const STATUSES = Object.keys(NAMES) as readonly Status[]

/** `status` for people, such as `Timed out`. */
export function nameStatus(status: Status): string {
  return NAMES[status]
}

/** Whether `status` is final. */
export function hasEnded(status: Status): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED' || status === 'TIMED_OUT'
}

/** Whether `status` is final, and no success. */
export function endedWithoutSuccess(status: Status): boolean {
  return hasEnded(status) && status !== 'COMPLETED'
}

/** Whether `text` is a status. */
export function isStatus(text: string): text is Status {
  return Object.hasOwn(NAMES, text)
}
