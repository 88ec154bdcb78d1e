import { COLUMNS, isColumn, DEFAULT_COLUMNS, type Column } from './columns.ts'
import { isRelative } from './dates.ts'
import { EVERYTHING, narrow, type Filter } from './filter.ts'
import { parseFilter, printFilter, FilterSyntaxError } from './filterText.ts'
import { NEWEST_FIRST, SORT_FIELDS, type SortKey } from './sorting.ts'

export type Density = 'comfortable' | 'compact'

/** What the list shows and how: all that its URL holds, so that everyone who opens a link sees the same. */
export interface View {
  readonly filter: Filter
  /** The age of the oldest executions to show, such as `-24h`; null for all. */
  readonly since: string | null
  readonly order: readonly SortKey[]
  readonly columns: readonly Column[]
  readonly density: Density
}

export const DEFAULT_VIEW: View = {
  filter: EVERYTHING,
  since: null,
  order: NEWEST_FIRST,
  columns: DEFAULT_COLUMNS,
  density: 'comfortable',
}

/** The view of a URL; `problem` says in a sentence what was not valid in it. */
export interface ParsedView {
  view: View
  problem: string | null
}

/** `view` as the query of a URL, without `?`; defaults are left out. */
export function printView(view: View): string {
  const query = new URLSearchParams()
  const filter = printFilter(view.filter)
  const sort = view.order.map((key) => `${key.direction === 'DESC' ? '-' : ''}${key.field}`).join(',')
  const columns = view.columns.join(',')
  if (filter !== '') query.set('filter', filter)
  if (view.since !== null) query.set('since', view.since)
  if (sort !== '-CREATED_AT') query.set('sort', sort)
  if (columns !== DEFAULT_COLUMNS.join(',')) query.set('columns', columns)
  if (view.density !== 'comfortable') query.set('density', view.density)
  // A query may contain brackets, colons and commas (RFC 3986), and people read URLs.
  return query.toString().replace(/%(28|29|3A|2C)/g, (code) => decodeURIComponent(code))
}

/** The view in the query of a URL; defaults replace what is not valid. */
export function parseView(search: string): ParsedView {
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

/** The filter of `view`, narrowed to its time range. */
export function filterOf(view: View): Filter {
  if (view.since === null) return view.filter
  return narrow(view.filter, { field: 'createdAt', operator: 'gte', values: [view.since] })
}

function readFilter(text: string): { filter: Filter; problem: string | null } {
  try {
    return { filter: parseFilter(text), problem: null }
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error
    return { filter: EVERYTHING, problem: `The filter in this link is not valid. ${error.message}` }
  }
}

function readOrder(parameter: string | null): readonly SortKey[] {
  const keys = (parameter ?? '').split(',').flatMap((text): SortKey[] => {
    const field = SORT_FIELDS.find((known) => known === text.replace(/^-/, ''))
    return field === undefined ? [] : [{ field, direction: text.startsWith('-') ? 'DESC' : 'ASC' }]
  })
  const unique = keys.filter((key, index) => keys.findIndex((other) => other.field === key.field) === index)
  // The server accepts up to three keys.
  return unique.length === 0 ? NEWEST_FIRST : unique.slice(0, 3)
}

function readColumns(text: string | null): readonly Column[] {
  const named = new Set((text ?? '').split(',').filter(isColumn))
  return named.size === 0 ? DEFAULT_COLUMNS : COLUMNS.filter((column) => named.has(column))
}
