import type { SchemaType } from '../graphql/schemaTypes.ts'
import { messages } from '../messages/messages.ts'

/** A field that executions can be sorted by. */
export type SortField = SchemaType<'ExecutionSortField'>

export interface SortKey {
  readonly field: SortField
  readonly direction: SchemaType<'SortDirection'>
}

export const NEWEST_FIRST: readonly SortKey[] = [{ field: 'CREATED_AT', direction: 'DESC' }]

/** All sort fields, in the order of the menu. */
export const SORT_FIELDS: readonly SortField[] = [
  'CREATED_AT',
  'STARTED_AT',
  'COMPLETED_AT',
  'DURATION',
  'TOTAL_COST',
  'TOKENS_USED',
  'WORKFLOW_NAME',
  'STATUS',
] as const satisfies readonly SortField[]

/** `key` for people, such as `Newest first`. */
export function nameOrder({ field, direction }: SortKey): string {
  return messages.model.orders[field][direction]
}

/** The fields of an execution that sorting reads. */
export interface Sortable {
  createdAt: string
  startedAt: string | null
  completedAt: string | null
  durationSeconds: number | null
  totalCost: number
  tokens: number
  workflowName: string
  status: string
}

type Value = number | string | null

const ENDED: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT'])

/** Seconds that an execution which has started and not ended has run at `now`; null for any other. */
function secondsSoFar(row: Sortable, now: number): number | null {
  if (row.startedAt === null || row.completedAt !== null || ENDED.has(row.status)) return null
  return (now - Date.parse(row.startedAt)) / 1000
}

const READERS: Record<SortField, (row: Sortable) => Value> = {
  CREATED_AT: (row) => Date.parse(row.createdAt),
  STARTED_AT: (row) => (row.startedAt === null ? null : Date.parse(row.startedAt)),
  COMPLETED_AT: (row) => (row.completedAt === null ? null : Date.parse(row.completedAt)),
  // What is stored, which an execution that runs does not have.
  DURATION: (row) => (row.completedAt === null ? null : row.durationSeconds),
  TOTAL_COST: (row) => row.totalCost,
  TOKENS_USED: (row) => row.tokens,
  WORKFLOW_NAME: (row) => row.workflowName,
  // As on the server, which stores it in lower case and sorts it as text.
  STATUS: (row) => row.status.toLowerCase(),
}

/**
 * Negative when `left` comes before `right` in `order`; missing values come first when ascending, as on the server. As
 * there, the first key counts the time that an execution has run at `now`, in milliseconds, and later keys do not.
 */
export function compareRows(
  left: Sortable,
  right: Sortable,
  order: readonly SortKey[],
  now: number = Date.now(),
): number {
  for (const [place, { field, direction }] of order.entries()) {
    const counts = field === 'DURATION' && place === 0
    const read = (row: Sortable) => (counts ? secondsSoFar(row, now) : null) ?? READERS[field](row)
    const compared = compareValues(read(left), read(right))
    if (compared !== 0) return direction === 'ASC' ? compared : -compared
  }
  return 0
}

function compareValues(left: Value, right: Value): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null)
  // By code units, as MongoDB compares text, and not by a locale.
  return left < right ? -1 : Number(left > right)
}

/** The order after a click on the header of `field`: by that field, reversed when it was sorted by it already. */
export function sortBy(order: readonly SortKey[], field: SortField): readonly SortKey[] {
  const [first] = order
  if (first?.field === field) return [{ field, direction: first.direction === 'DESC' ? 'ASC' : 'DESC' }]
  return [{ field, direction: field === 'WORKFLOW_NAME' || field === 'STATUS' ? 'ASC' : 'DESC' }]
}
