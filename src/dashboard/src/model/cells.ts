import type { Column } from './columns.ts'
import type { Facet } from './facets.ts'
import { nameStatus, type Status } from './status.ts'

/** The fields of an execution that its cells in the list show. */
export interface Shown {
  executionId: string
  workflowName: string
  status: Status
  createdAt: string
  startedAt: string | null
  completedAt: string | null
  durationSeconds: number | null
  attempt: number
  triggeredBy: string | null
  userId: string
  totalCost: number
  tokens: number
  stepsCompleted: number
  progress: { totalSteps: number }
  error: { message: string; code: string | null } | null
  tags: readonly { key: string; value: string }[]
}

/** The value of a cell that the list can be filtered by, and its name for people; null where there is none. */
export function facetOf(row: Shown, column: Column): { field: Facet; value: string; name: string } | null {
  switch (column) {
    case 'status':
      return { field: 'status', value: row.status, name: nameStatus(row.status) }
    case 'workflow':
      return { field: 'workflowName', value: row.workflowName, name: row.workflowName }
    case 'who':
      return row.triggeredBy === null
        ? { field: 'userId', value: row.userId, name: row.userId }
        : { field: 'triggeredBy', value: row.triggeredBy, name: row.triggeredBy }
    case 'error':
      return row.error?.code ? { field: 'errorCode', value: row.error.code, name: row.error.code } : null
    default:
      return null
  }
}

/** The text of a cell as it is copied: exact, and not shortened; empty where the cell is. */
export function textOf(row: Shown, column: Column): string {
  switch (column) {
    case 'status':
      return nameStatus(row.status)
    case 'workflow':
      return row.workflowName
    case 'id':
      return row.executionId
    case 'who':
      return row.triggeredBy ?? row.userId
    case 'created':
      return row.createdAt
    case 'started':
      return row.startedAt ?? ''
    case 'completed':
      return row.completedAt ?? ''
    case 'duration':
      return row.durationSeconds === null ? '' : String(row.durationSeconds)
    case 'progress':
      return row.progress.totalSteps === 0 ? '' : `${row.stepsCompleted}/${row.progress.totalSteps}`
    case 'cost':
      return row.totalCost === 0 ? '' : String(row.totalCost)
    case 'tokens':
      return row.tokens === 0 ? '' : String(row.tokens)
    case 'error':
      return row.error?.message ?? ''
    case 'attempt':
      return String(row.attempt)
    case 'tags':
      return row.tags.map((tag) => `${tag.key}=${tag.value}`).join(', ')
  }
}
