import { messages } from '../messages/messages.ts'
import { COLUMNS, isColumn, DEFAULT_COLUMNS, type Column } from './columns.ts'
import { isDate } from './dates.ts'
import { EVERYTHING, narrow, type Filter } from './filter.ts'
import { parseFilter, printFilter, FilterSyntaxError } from './filterText.ts'
import { NEWEST_FIRST, SORT_FIELDS, type SortKey } from './sorting.ts'

export type Density = 'comfortable' | 'compact'

/** What the list shows and how: all that its URL holds, so that everyone who opens a link sees the same. */
export interface View {
  readonly filter: Filter
  /** The range of creation times: dates, relative ones such as `-24h` or absolute ones; null where it is open. */
  readonly since: string | null
  readonly until: string | null
  readonly order: readonly SortKey[]
  readonly columns: readonly Column[]
  readonly density: Density
}

export const DEFAULT_VIEW: View = {
  filter: EVERYTHING,
  since: null,
  until: null,
  order: NEWEST_FIRST,
  columns: DEFAULT_COLUMNS,
  density: 'comfortable',
}

/** The view of a URL; `problem` says in sentences what was not valid in it. */
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
  if (view.until !== null) query.set('until', view.until)
  if (sort !== '-CREATED_AT') query.set('sort', sort)
  if (columns !== DEFAULT_COLUMNS.join(',')) query.set('columns', columns)
  if (view.density !== 'comfortable') query.set('density', view.density)
  // A query may contain brackets, colons and commas (RFC 3986), and people read URLs.
  return query.toString().replace(/%(28|29|3A|2C)/g, (code) => decodeURIComponent(code))
}

/** The view in the query of a URL; defaults replace what is not valid. */
export function parseView(search: string): ParsedView {
  const query = new URLSearchParams(search)
  const problems: string[] = []
  const report = (problem: string): null => {
    problems.push(problem)
    return null
  }
  const view = {
    filter: readFilter(query.get('filter') ?? '', report) ?? EVERYTHING,
    since: readDate('since', query.get('since'), report),
    until: readDate('until', query.get('until'), report),
    order: readOrder(query.get('sort'), report) ?? NEWEST_FIRST,
    columns: readColumns(query.get('columns'), report) ?? DEFAULT_COLUMNS,
    density: readDensity(query.get('density'), report) ?? 'comfortable',
  }
  return { view, problem: problems.length === 0 ? null : problems.join(' ') }
}

/** The filter of `view`, narrowed to its range of time. */
export function filterOf(view: View): Filter {
  const { since, until } = view
  const from = since === null ? EVERYTHING : createdAt('gte', since)
  const to = until === null ? EVERYTHING : createdAt('lt', until)
  return narrow(view.filter, narrow(from, to))
}

function createdAt(operator: 'gte' | 'lt', date: string): Filter {
  return { field: 'createdAt', operator, values: [date] }
}

type Report = (problem: string) => null

function readFilter(text: string, report: Report): Filter | null {
  try {
    return parseFilter(text)
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error
    return report(`The filter in this link is not valid. ${error.message}`)
  }
}

function readDate(name: string, text: string | null, report: Report): string | null {
  if (text === null || isDate(text)) return text
  return report(`This link has "${name}=${text}", which is no date such as -24h or 2026-11-01T10:30:00Z.`)
}

function readOrder(text: string | null, report: Report): readonly SortKey[] | null {
  if (text === null) return null
  const keys = text.split(',').flatMap((each): SortKey[] => {
    const field = SORT_FIELDS.find((known) => known === each.replace(/^-/, ''))
    if (field === undefined) report(messages.model.linkProblems.sort(each))
    return field === undefined ? [] : [{ field, direction: each.startsWith('-') ? 'DESC' : 'ASC' }]
  })
  const unique = keys.filter((key, index) => keys.findIndex((other) => other.field === key.field) === index)
  // The server accepts up to three keys.
  return unique.length === 0 ? null : unique.slice(0, 3)
}

function readColumns(text: string | null, report: Report): readonly Column[] | null {
  if (text === null) return null
  const named = text.split(',')
  const unknown = named.filter((each) => !isColumn(each))
  if (unknown.length > 0) report(messages.model.linkProblems.columns(unknown.join(', ')))
  const known = new Set(named.filter(isColumn))
  return known.size === 0 ? null : COLUMNS.filter((column) => known.has(column))
}

function readDensity(text: string | null, report: Report): Density | null {
  if (text === null || text === 'compact' || text === 'comfortable') return text
  return report(messages.model.linkProblems.density(text))
}
