/** What executions can be sorted by. */
export const SORT_FIELDS = [
  'CREATED_AT',
  'STARTED_AT',
  'COMPLETED_AT',
  'DURATION',
  'TOTAL_COST',
  'TOKENS_USED',
  'WORKFLOW_NAME',
  'STATUS',
] as const

export type SortField = (typeof SORT_FIELDS)[number]

export interface SortKey {
  readonly field: SortField
  readonly direction: 'ASC' | 'DESC'
}

export const NEWEST_FIRST: readonly SortKey[] = [{ field: 'CREATED_AT', direction: 'DESC' }]

const ORDER_NAMES: Record<SortField, [descending: string, ascending: string]> = {
  CREATED_AT: ['Newest first', 'Oldest first'],
  STARTED_AT: ['Started last', 'Started first'],
  COMPLETED_AT: ['Completed last', 'Completed first'],
  DURATION: ['Longest first', 'Shortest first'],
  TOTAL_COST: ['Dearest first', 'Cheapest first'],
  TOKENS_USED: ['Most tokens', 'Fewest tokens'],
  WORKFLOW_NAME: ['Workflow Z to A', 'Workflow A to Z'],
  STATUS: ['Status Z to A', 'Status A to Z'],
}

/** `key` as people read it. */
export function nameOrder({ field, direction }: SortKey): string {
  return ORDER_NAMES[field][direction === 'DESC' ? 0 : 1]
}

/** What a row must have to be put in order. */
export interface Sortable {
  createdAt: string
  startedAt: string | null
  completedAt: string | null
  durationSeconds: number | null
  totalCost: number
  tokensUsed: number
  workflowName: string
  status: string
}

type Value = number | string | null

const READERS: Record<SortField, (row: Sortable) => Value> = {
  CREATED_AT: (row) => Date.parse(row.createdAt),
  STARTED_AT: (row) => (row.startedAt === null ? null : Date.parse(row.startedAt)),
  COMPLETED_AT: (row) => (row.completedAt === null ? null : Date.parse(row.completedAt)),
  // The server sorts by the stored duration, which a running execution does not have.
  DURATION: (row) => (row.completedAt === null ? null : row.durationSeconds),
  TOTAL_COST: (row) => row.totalCost,
  TOKENS_USED: (row) => row.tokensUsed,
  WORKFLOW_NAME: (row) => row.workflowName,
  // It is stored in lower case and sorted as text.
  STATUS: (row) => row.status.toLowerCase(),
}

/** Below 0 when `left` comes before `right` in `order`; missing values come first when ascending, as on the server. */
export function compareRows(left: Sortable, right: Sortable, order: readonly SortKey[]): number {
  for (const { field, direction } of order) {
    const read = READERS[field]
    const compared = compareValues(read(left), read(right))
    if (compared !== 0) return direction === 'ASC' ? compared : -compared
  }
  return 0
}

function compareValues(left: Value, right: Value): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null)
  // By code units, as MongoDB compares text: not as a language sorts words.
  return left < right ? -1 : Number(left > right)
}

/** The order after somebody asks for `field`: it comes first, and turns around when it was there already. */
export function sortBy(order: readonly SortKey[], field: SortField): readonly SortKey[] {
  const [first] = order
  if (first?.field === field) return [{ field, direction: first.direction === 'DESC' ? 'ASC' : 'DESC' }]
  return [{ field, direction: field === 'WORKFLOW_NAME' || field === 'STATUS' ? 'ASC' : 'DESC' }]
}
