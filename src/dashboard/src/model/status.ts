import type { SchemaType } from '../graphql/schemaTypes.ts'
import { messages } from '../messages/messages.ts'

/** The status of an execution or a step. */
export type Status = SchemaType<'ExecutionStatus'>

// In the order of an execution's life.
const ALL: Record<Status, true> = {
  PENDING: true,
  RUNNING: true,
  PAUSED: true,
  COMPLETED: true,
  FAILED: true,
  CANCELLED: true,
  TIMED_OUT: true,
}

/** All statuses, in the order of an execution's life. */
export const STATUSES = Object.keys(ALL) as readonly Status[]

/** `status` for people, such as `Timed out`. */
export function nameStatus(status: Status): string {
  return messages.model.statuses[status]
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
  return Object.hasOwn(ALL, text)
}
