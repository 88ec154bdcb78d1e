import type { SortField } from './sorting.ts'

// In the order of the list.
const COLUMN_TABLE = {
  status: { title: 'Status', width: '7.5rem', sort: 'STATUS', isDefault: true },
  workflow: { title: 'Workflow', width: 'minmax(10rem, 1.4fr)', sort: 'WORKFLOW_NAME', isDefault: true },
  id: { title: 'Execution ID', width: 'minmax(8rem, 1fr)', isDefault: false },
  who: { title: 'Started by', width: 'minmax(5.5rem, 0.6fr)', isDefault: true },
  created: { title: 'Created', width: '7.5rem', sort: 'CREATED_AT', isDefault: false },
  started: { title: 'Started', width: '7.5rem', sort: 'STARTED_AT', isDefault: true },
  completed: { title: 'Completed', width: '7.5rem', sort: 'COMPLETED_AT', isDefault: false },
  duration: { title: 'Duration', width: '6rem', sort: 'DURATION', isDefault: true, isNumber: true },
  progress: { title: 'Progress', width: '7rem', isDefault: true },
  cost: { title: 'Cost', width: '5.5rem', sort: 'TOTAL_COST', isDefault: true, isNumber: true },
  tokens: { title: 'Tokens', width: '5.5rem', sort: 'TOKENS_USED', isDefault: true, isNumber: true },
  error: { title: 'Error', width: 'minmax(9rem, 2fr)', isDefault: true },
  attempt: { title: 'Attempt', width: '5rem', isDefault: false, isNumber: true },
  tags: { title: 'Tags', width: 'minmax(8rem, 1fr)', isDefault: false },
} as const satisfies Record<
  string,
  { title: string; width: string; sort?: SortField; isDefault: boolean; isNumber?: boolean }
>

export type Column = keyof typeof COLUMN_TABLE

/** A column of the list. */
export interface ColumnInfo {
  title: string
  /** A track size of CSS grid. */
  width: string
  /** The sort key of its header; columns without one cannot be sorted by. */
  sort?: SortField
  isDefault: boolean
  isNumber?: boolean
}

export const COLUMNS = Object.keys(COLUMN_TABLE) as Column[]

export const DEFAULT_COLUMNS: readonly Column[] = COLUMNS.filter((column) => COLUMN_TABLE[column].isDefault)

/** The title, width and sort key of `column`. */
export function infoOf(column: Column): ColumnInfo {
  return COLUMN_TABLE[column]
}

/** Whether `text` is the name of a column. */
export function isColumn(text: string): text is Column {
  return Object.hasOwn(COLUMN_TABLE, text)
}
