import { messages } from '../messages/messages.ts'
import { COLUMNS, isColumn, DEFAULT_COLUMNS, type Column } from './columns.ts'
import { DEFAULT_SCOPE, printQuery, readScope, setScope, type Report, type Scope } from './scope.ts'
import { NEWEST_FIRST, SORT_FIELDS, type SortKey } from './sorting.ts'

export type Density = 'comfortable' | 'compact'

/** What the list shows and how: all that its URL holds, so that everyone who opens a link sees the same. */
export interface View extends Scope {
  readonly order: readonly SortKey[]
  readonly columns: readonly Column[]
  readonly density: Density
}

export const DEFAULT_VIEW: View = {
  ...DEFAULT_SCOPE,
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
  const sort = view.order.map((key) => `${key.direction === 'DESC' ? '-' : ''}${key.field}`).join(',')
  const columns = view.columns.join(',')
  setScope(query, view)
  if (sort !== '-CREATED_AT') query.set('sort', sort)
  if (columns !== DEFAULT_COLUMNS.join(',')) query.set('columns', columns)
  if (view.density !== 'comfortable') query.set('density', view.density)
  return printQuery(query)
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
    ...readScope(query, report),
    order: readOrder(query.get('sort'), report) ?? NEWEST_FIRST,
    columns: readColumns(query.get('columns'), report) ?? DEFAULT_COLUMNS,
    density: readDensity(query.get('density'), report) ?? 'comfortable',
  }
  return { view, problem: problems.length === 0 ? null : problems.join(' ') }
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
