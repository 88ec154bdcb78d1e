/** The list of executions; `query` is its view, as `printView` writes it. */
export function listPath(query = ''): string {
  return withQuery(LIST_PATH, query)
}

export const LIST_PATH = '/executions'

/** Where the list was at the start page, an address with its query still leads to it. */
const LIST_PARAMETERS = ['filter', 'since', 'until', 'sort', 'columns', 'density']

/** The list that an address of the start page with this query is of; null where it is of none. */
export function movedListPath(query: string): string | null {
  const parameters = new URLSearchParams(query)
  const isOfList = LIST_PARAMETERS.some((name) => parameters.has(name))
  return isOfList ? withQuery(LIST_PATH, query.replace(/^\?/, '')) : null
}

/** The overview with a scope; without one it is the start page. */
export const OVERVIEW_PATH = '/overview'

/** The overview; `query` is its scope, as `printScope` writes it. The start page takes no query: that is of a list. */
export function overviewPath(query = ''): string {
  return query === '' ? '/' : withQuery(OVERVIEW_PATH, query)
}

/** The page of the error groups. */
export const FAILURES_PATH = '/failures'

/** The page of the failures; `query` is its scope. */
export function failuresPath(query = ''): string {
  return withQuery(FAILURES_PATH, query)
}

/** The page of the access keys. */
export const KEYS_PATH = '/keys'

/** The page of the alerts. */
export const ALERTS_PATH = '/alerts'

/** The page of the rules of alerts. */
export const RULES_PATH = '/alerts/rules'

/** The documentation of REST. */
export const API_PATH = '/api'

/** The page of the audit trail. */
export const AUDIT_PATH = '/audit'

/** The page that helps to connect an engine. */
export const CONNECT_PATH = '/connect'

/** The page of the webhooks. */
export const WEBHOOKS_PATH = '/webhooks'

/** What the paths of all executions, and of all workflows, begin with. */
const EXECUTIONS_PATH = '/executions/'
export const WORKFLOWS_PATH = '/workflows/'

// Browsers resolve the segments `.` and `..`, encoded ones too, and proxies merge slashes.
const LOSES_SEGMENTS = /(^|\/)\.{0,2}(\/|$)/

/** The page of one execution, whatever its id consists of; `query` is its selection, as `printSelection` writes it. */
export function executionPath(executionId: string, query = ''): string {
  if (LOSES_SEGMENTS.test(executionId)) {
    return `${EXECUTIONS_PATH}?id=${encodeURIComponent(executionId)}${query === '' ? '' : `&${query}`}`
  }
  // Some proxies refuse an encoded slash.
  return withQuery(EXECUTIONS_PATH + executionId.split('/').map(encodeURIComponent).join('/'), query)
}

/** The id of the execution at an address, from its encoded path and query; null where there is none. */
export function executionIdOf(path: string, query: string): string | null {
  if (!path.startsWith(EXECUTIONS_PATH)) return null
  const encoded = path.slice(EXECUTIONS_PATH.length)
  return encoded === '' ? new URLSearchParams(query).get('id') : decode(encoded)
}

/** The page of one workflow, whatever its name consists of; `query` is its scope, as `printScope` writes it. */
export function workflowPath(name: string, query = ''): string {
  if (!LOSES_SEGMENTS.test(name))
    return withQuery(WORKFLOWS_PATH + name.split('/').map(encodeURIComponent).join('/'), query)
  return withQuery(WORKFLOWS_PATH, [`name=${encodeURIComponent(name)}`, ...(query === '' ? [] : [query])].join('&'))
}

/** The name of the workflow at an address, from its encoded path and query; null where there is none. */
export function workflowNameOf(path: string, query: string): string | null {
  if (!path.startsWith(WORKFLOWS_PATH)) return null
  const encoded = path.slice(WORKFLOWS_PATH.length)
  return encoded === '' ? new URLSearchParams(query).get('name') : decode(encoded)
}

export const COMPARE_PATH = '/compare'

/** The page that compares two executions. */
export function comparePath(a: string, b: string): string {
  return `${COMPARE_PATH}?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`
}

/** Where issuers send people back to after they have signed in. */
export const SIGN_IN_CALLBACK_PATH = '/signed-in'

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    // Typed by hand, as in `100%`.
    return encoded
  }
}
