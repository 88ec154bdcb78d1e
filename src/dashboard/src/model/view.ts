import { COLUMNS, isColumn, USUAL_COLUMNS, type Column } from './columns.ts'
import { EVERYTHING, narrow, type Filter } from './filter.ts'
import { parseFilter, printFilter, UnreadableFilter } from './filterText.ts'
import { isRelative } from './dates.ts'
import { NEWEST_FIRST, SORT_FIELDS, type SortKey } from './sorting.ts'

export type Density = 'comfortable' | 'compact'

/** All that a link to the list says: whoever opens it sees the same. */
export interface View {
  readonly filter: Filter
  /** How far back executions were created, such as `-24h`; null for all. */
  readonly since: string | null
  readonly order: readonly SortKey[]
  readonly columns: readonly Column[]
  readonly density: Density
}

export const USUAL_VIEW: View = {
  filter: EVERYTHING,
  since: null,
  order: NEWEST_FIRST,
  columns: USUAL_COLUMNS,
  density: 'comfortable',
}

/** What an address says, and what of it cannot be read, as a sentence. */
export interface ReadView {
  view: View
  problem: string | null
}

/** `view` as the query of an address, without `?`; what is usual is left out. */
export function printView(view: View): string {
  const query = new URLSearchParams()
  const filter = printFilter(view.filter)
  const sort = view.order.map((key) => `${key.direction === 'DESC' ? '-' : ''}${key.field}`).join(',')
  const columns = view.columns.join(',')
  if (filter !== '') query.set('filter', filter)
  if (view.since !== null) query.set('since', view.since)
  if (sort !== '-CREATED_AT') query.set('sort', sort)
  if (columns !== USUAL_COLUMNS.join(',')) query.set('columns', columns)
  if (view.density !== 'comfortable') query.set('density', view.density)
  // Brackets, colons and commas may stand in a query (RFC 3986), and people read addresses.
  return query.toString().replace(/%(28|29|3A|2C)/g, (code) => decodeURIComponent(code))
}

/** The view that the query of an address is; what cannot be read is as usual. */
export function parseView(search: string): ReadView {
  const query = new URLSearchParams(search)
  const since = query.get('since')
  const { filter, problem } = readFilter(query.get('filter') ?? '')
  return {
    view: {
      filter,
      since: since !== null && isRelative(since) ? since : null,
      order: readOrder(query.get('sort')),
      columns: readColumns(query.get('columns')),
      density: query.get('density') === 'compact' ? 'compact' : 'comfortable',
    },
    problem,
  }
}

/** What `view` shows: its filter, within its time. */
export function filterOf(view: View): Filter {
  if (view.since === null) return view.filter
  return narrow(view.filter, { field: 'createdAt', operator: 'gte', values: [view.since] })
}

function readFilter(text: string): { filter: Filter; problem: string | null } {
  try {
    return { filter: parseFilter(text), problem: null }
  } catch (error) {
    if (!(error instanceof UnreadableFilter)) throw error
    return { filter: EVERYTHING, problem: `The filter in this address cannot be read. ${error.message}` }
  }
}

function readOrder(text: string | null): readonly SortKey[] {
  const keys = (text ?? '').split(',').flatMap((part): SortKey[] => {
    const field = SORT_FIELDS.find((known) => known === part.replace(/^-/, ''))
    return field === undefined ? [] : [{ field, direction: part.startsWith('-') ? 'DESC' : 'ASC' }]
  })
  const unique = keys.filter((key, index) => keys.findIndex((other) => other.field === key.field) === index)
  // The server takes three.
  return unique.length === 0 ? NEWEST_FIRST : unique.slice(0, 3)
}

function readColumns(text: string | null): readonly Column[] {
  const named = new Set((text ?? '').split(',').filter(isColumn))
  return named.size === 0 ? USUAL_COLUMNS : COLUMNS.filter((column) => named.has(column))
}
