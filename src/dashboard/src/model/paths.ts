/** The list of executions; `query` is its view, as `printView` writes it. */
export function listPath(query = ''): string {
  return query === '' ? '/' : `/?${query}`
}

/** The page of one execution. */
export function executionPath(executionId: string): string {
  return `/executions/${encodeURIComponent(executionId)}`
}

/** Where issuers send people back to after they have signed in. */
export const SIGN_IN_CALLBACK_PATH = '/signed-in'
