import type { SortField } from './sorting.ts'

/** The columns of the list, in their order. */
const COLUMN_TABLE = {
  status: { title: 'Status', width: '7.5rem', sort: 'STATUS', isUsual: true },
  workflow: { title: 'Workflow', width: 'minmax(10rem, 1.4fr)', sort: 'WORKFLOW_NAME', isUsual: true },
  id: { title: 'Execution id', width: 'minmax(8rem, 1fr)', isUsual: false },
  who: { title: 'Started by', width: 'minmax(5.5rem, 0.6fr)', isUsual: true },
  created: { title: 'Created', width: '7.5rem', sort: 'CREATED_AT', isUsual: false },
  started: { title: 'Started', width: '7.5rem', sort: 'STARTED_AT', isUsual: true },
  completed: { title: 'Completed', width: '7.5rem', sort: 'COMPLETED_AT', isUsual: false },
  duration: { title: 'Duration', width: '6rem', sort: 'DURATION', isUsual: true, isNumber: true },
  progress: { title: 'Progress', width: '7rem', isUsual: true },
  cost: { title: 'Cost', width: '5.5rem', sort: 'TOTAL_COST', isUsual: true, isNumber: true },
  tokens: { title: 'Tokens', width: '5.5rem', sort: 'TOKENS_USED', isUsual: true, isNumber: true },
  error: { title: 'Error', width: 'minmax(9rem, 2fr)', isUsual: true },
  attempt: { title: 'Attempt', width: '5rem', isUsual: false, isNumber: true },
  tags: { title: 'Tags', width: 'minmax(8rem, 1fr)', isUsual: false },
} as const satisfies Record<
  string,
  { title: string; width: string; sort?: SortField; isUsual: boolean; isNumber?: boolean }
>

export type Column = keyof typeof COLUMN_TABLE

/** What the list knows of a column: its title, its width as CSS, and what it sorts by. */
export interface ColumnInfo {
  title: string
  width: string
  sort?: SortField
  isUsual: boolean
  isNumber?: boolean
}

export const COLUMNS = Object.keys(COLUMN_TABLE) as Column[]

export const USUAL_COLUMNS: readonly Column[] = COLUMNS.filter((column) => COLUMN_TABLE[column].isUsual)

/** What is known of `column`. */
export function infoOf(column: Column): ColumnInfo {
  return COLUMN_TABLE[column]
}

/** Whether `text` names a column. */
export function isColumn(text: string): text is Column {
  return Object.hasOwn(COLUMN_TABLE, text)
}
