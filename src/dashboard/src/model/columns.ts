import { messages } from '../messages/messages.ts'
import type { SortField } from './sorting.ts'

// In the order of the list.
const COLUMN_TABLE = {
  status: { width: '7.5rem', pixels: 120, sort: 'STATUS', isDefault: true },
  workflow: { width: 'minmax(10rem, 1.4fr)', pixels: 160, sort: 'WORKFLOW_NAME', isDefault: true },
  id: { width: 'minmax(8rem, 1fr)', pixels: 128, isDefault: false },
  who: { width: 'minmax(5.5rem, 0.6fr)', pixels: 88, isDefault: true },
  created: { width: '7.5rem', pixels: 120, sort: 'CREATED_AT', isDefault: true },
  started: { width: '7.5rem', pixels: 120, sort: 'STARTED_AT', isDefault: false },
  completed: { width: '7.5rem', pixels: 120, sort: 'COMPLETED_AT', isDefault: false },
  duration: { width: '6rem', pixels: 96, sort: 'DURATION', isDefault: true, isNumber: true },
  progress: { width: '7rem', pixels: 112, isDefault: true },
  cost: { width: '5.5rem', pixels: 88, sort: 'TOTAL_COST', isDefault: true, isNumber: true },
  tokens: { width: '5.5rem', pixels: 88, sort: 'TOKENS_USED', isDefault: true, isNumber: true },
  error: { width: 'minmax(9rem, 2fr)', pixels: 200, isDefault: true },
  attempt: { width: '5rem', pixels: 80, isDefault: false, isNumber: true },
  tags: { width: 'minmax(8rem, 1fr)', pixels: 128, isDefault: false },
} as const satisfies Record<
  string,
  { width: string; pixels: number; sort?: SortField; isDefault: boolean; isNumber?: boolean }
>

export type Column = keyof typeof COLUMN_TABLE

/** A column of the list. */
export interface ColumnInfo {
  /** A track size of CSS grid. */
  width: string
  /** The least width in which it can be read; in pixels. */
  pixels: number
  /** The sort key of its header; columns without one cannot be sorted by. */
  sort?: SortField
  isDefault: boolean
  isNumber?: boolean
}

export const COLUMNS = Object.keys(COLUMN_TABLE) as Column[]

export const DEFAULT_COLUMNS: readonly Column[] = COLUMNS.filter((column) => COLUMN_TABLE[column].isDefault)

/** The title of `column` for people. */
export function nameColumn(column: Column): string {
  return messages.model.columns[column]
}

/** The width and sort key of `column`. */
export function infoOf(column: Column): ColumnInfo {
  return COLUMN_TABLE[column]
}

/** Whether `text` is the name of a column. */
export function isColumn(text: string): text is Column {
  return Object.hasOwn(COLUMN_TABLE, text)
}

// Those that give way first on a narrow screen; what is not here always stays.
const GIVE_WAY: readonly Column[] = [
  'tokens',
  'cost',
  'attempt',
  'tags',
  'id',
  'completed',
  'who',
  'progress',
  'started',
]
// In pixels, as in ExecutionTable.module.css.
const GAP = 16
const PADDING = 32

/** Those of `columns` that fit into `width` pixels: by priority, and always the one that the list is sorted by. */
export function fitColumns(columns: readonly Column[], width: number, sortField?: SortField): readonly Column[] {
  const shown = new Set(columns)
  for (const column of GIVE_WAY) {
    if (widthOf(shown) <= width) break
    if (sortField === undefined || infoOf(column).sort !== sortField) shown.delete(column)
  }
  return columns.filter((column) => shown.has(column))
}

function widthOf(columns: ReadonlySet<Column>): number {
  return [...columns].reduce((sum, column) => sum + infoOf(column).pixels + GAP, PADDING - GAP)
}
