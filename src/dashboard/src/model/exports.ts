import type { FilterInput } from './filterInput.ts'
import type { SortField, SortKey } from './sorting.ts'

/** The format of an export. */
export type ExportFormat = 'csv' | 'jsonl'

const EXPORT_PATH = '/api/v1/workflow-management/executions/export'
// Of ids in one request: its address has at most 16 kB.
const IDS_AT_ONCE = 100

const REST_FIELDS: Record<SortField, string> = {
  CREATED_AT: 'created',
  STARTED_AT: 'started_at',
  COMPLETED_AT: 'completed_at',
  DURATION: 'total_duration',
  TOTAL_COST: 'total_cost',
  TOKENS_USED: 'tokens_used',
  WORKFLOW_NAME: 'workflow_name',
  STATUS: 'status',
}

/** What is exported: the executions that match a filter, in the order of its first key, or those with these ids, in theirs. */
export type Exported = { readonly order: readonly SortKey[] } & (
  { readonly filter: FilterInput } | { readonly ids: readonly string[] }
)

/** The addresses of exports that together have all that is `exported`. */
export function exportAddresses(format: ExportFormat, { order, ...exported }: Exported): string[] {
  if ('filter' in exported) return [addressOf(format, exported.filter, order)]
  const { ids } = exported
  const count = Math.ceil(ids.length / IDS_AT_ONCE)
  return Array.from({ length: count }, (_, place) => {
    const some = ids.slice(place * IDS_AT_ONCE, (place + 1) * IDS_AT_ONCE)
    return addressOf(format, { executionId: { in: some } }, order)
  })
}

function addressOf(format: ExportFormat, filter: FilterInput, order: readonly SortKey[]): string {
  const query = new URLSearchParams({ format })
  if (Object.keys(filter).length > 0) query.set('filter', JSON.stringify(filter))
  const [first] = order
  if (first !== undefined) query.set('sort_by', `${REST_FIELDS[first.field]}:${first.direction.toLowerCase()}`)
  return `${EXPORT_PATH}?${query}`
}

/** Where the rows begin in the text of a file that follows another: its line of names is left out. */
export function startOfRows(format: ExportFormat, start: string): number {
  return format === 'csv' ? start.indexOf('\n') + 1 : 0
}

/** Why a file does not have all that match, as its last line says; null where it has. `end` is the end of its text. */
export function reasonOfIncomplete(format: ExportFormat, end: string): string | null {
  const line = end.trimEnd().split('\n').at(-1) ?? ''
  const found = format === 'csv' ? /^"# Incomplete: (.*)"$/.exec(line) : /^{"incomplete":(".*")}$/.exec(line)
  const [, reason] = found ?? []
  if (reason === undefined) return null
  return format === 'csv' ? reason.replaceAll('""', '"') : (JSON.parse(reason) as string)
}

/** The name of a file in the header `Content-Disposition`. */
export function nameOfFile(disposition: string | null, format: ExportFormat): string {
  return /filename="([\w.-]+)"/.exec(disposition ?? '')?.[1] ?? `executions.${format}`
}
