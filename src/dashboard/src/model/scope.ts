import { messages } from '../messages/messages.ts'
import { isDate, isZone, printTime } from './dates.ts'
import { EVERYTHING, narrow, type Filter } from './filter.ts'
import { parseFilter, printFilter, FilterSyntaxError } from './filterText.ts'

/** Which executions a page is about, and in which time zone it shows times: what the bar on top of the pages sets. */
export interface Scope {
  readonly filter: Filter
  /** The range of creation times: dates, relative ones such as `-24h` or absolute ones; null where it is open. */
  readonly since: string | null
  readonly until: string | null
  /** `UTC` or another IANA name, such as `Europe/Berlin`; null for that of the browser. */
  readonly zone: string | null
}

export const DEFAULT_SCOPE: Scope = { filter: EVERYTHING, since: null, until: null, zone: null }

/** Collects sentences about what is not valid in an address. */
export type Report = (problem: string) => null

/** The scope of an address; `problem` says in sentences what was not valid in it. */
export interface ParsedScope {
  scope: Scope
  problem: string | null
}

/** `scope` as the query of an address, without `?`; defaults are left out. */
export function printScope(scope: Scope): string {
  const query = new URLSearchParams()
  setScope(query, scope)
  return printQuery(query)
}

/** The scope in the query of an address; defaults replace what is not valid, and other parameters are ignored. */
export function parseScope(search: string): ParsedScope {
  const problems: string[] = []
  const scope = readScope(new URLSearchParams(search), (problem) => {
    problems.push(problem)
    return null
  })
  return { scope, problem: problems.length === 0 ? null : problems.join(' ') }
}

/** Sets the parameters of `scope` in `query`, and removes those that are as usual. */
export function setScope(query: URLSearchParams, scope: Scope): void {
  const filter = printFilter(scope.filter)
  const values = { filter: filter === '' ? null : filter, since: scope.since, until: scope.until, zone: scope.zone }
  for (const [name, value] of Object.entries(values)) {
    if (value === null) query.delete(name)
    else query.set(name, value)
  }
}

/** The scope of `query`; what is not valid is reported and as usual. */
export function readScope(query: URLSearchParams, report: Report): Scope {
  return {
    filter: readFilter(query.get('filter') ?? '', report) ?? EVERYTHING,
    since: readDate('since', query.get('since'), report),
    until: readDate('until', query.get('until'), report),
    zone: readZone(query.get('zone'), report),
  }
}

/** `query` as text that people can read: it may contain brackets, colons and commas (RFC 3986). */
export function printQuery(query: URLSearchParams): string {
  return query.toString().replace(/%(28|29|3A|2C|2F)/g, (code) => decodeURIComponent(code))
}

/** The filter of `scope`, narrowed to its range of time. */
export function filterOf({ filter, since, until }: Pick<Scope, 'filter' | 'since' | 'until'>): Filter {
  const from = since === null ? EVERYTHING : createdAt('gte', since)
  const to = until === null ? EVERYTHING : createdAt('lt', until)
  return narrow(filter, narrow(from, to))
}

/** The range from `start` to `end`, both milliseconds. */
export function rangeOf(start: number, end: number): Pick<Scope, 'since' | 'until'> {
  return { since: printTime(start), until: printTime(end) }
}

function createdAt(operator: 'gte' | 'lt', date: string): Filter {
  return { field: 'createdAt', operator, values: [date] }
}

function readFilter(text: string, report: Report): Filter | null {
  try {
    return parseFilter(text)
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error
    return report(messages.model.linkProblems.filter(error.message))
  }
}

function readDate(name: string, text: string | null, report: Report): string | null {
  if (text === null || isDate(text)) return text
  return report(messages.model.linkProblems.date(name, text))
}

function readZone(text: string | null, report: Report): string | null {
  if (text === null || isZone(text)) return text
  return report(messages.model.linkProblems.zone(text))
}
