/** What can happen to an execution or a step, in the order people think of it. */
export const STATUSES = ['PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'] as const

export type Status = (typeof STATUSES)[number]

const NAMES: Record<Status, string> = {
  PENDING: 'Pending',
  RUNNING: 'Running',
  PAUSED: 'Paused',
  COMPLETED: 'Completed',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
  TIMED_OUT: 'Timed out',
}

/** `status` as people read it. */
export function nameStatus(status: Status): string {
  return NAMES[status]
}

/** Whether nothing more will happen. */
export function hasEnded(status: Status): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED' || status === 'TIMED_OUT'
}

/** Whether `text` names a status. */
export function isStatus(text: string): text is Status {
  return (STATUSES as readonly string[]).includes(text)
}
