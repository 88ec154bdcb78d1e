import { messages } from '../messages/messages.ts'
import { API_PATH, AUDIT_PATH, CONNECT_PATH, KEYS_PATH, RULES_PATH, WEBHOOKS_PATH } from './paths.ts'

/** A page that is reached from the menu of the account. */
export interface AccountPage {
  readonly path: string
  readonly name: string
}

/** The pages that somebody with these scopes may open. */
export function accountPagesFor(scopes: readonly string[]): AccountPage[] {
  const { pageNames, keys } = messages.app
  const pages: (AccountPage & { scope: string | null })[] = [
    { path: CONNECT_PATH, name: pageNames.connect, scope: null },
    { path: API_PATH, name: pageNames.api, scope: null },
    { path: AUDIT_PATH, name: pageNames.audit, scope: 'audit:read' },
    { path: KEYS_PATH, name: keys, scope: 'keys:write' },
    { path: RULES_PATH, name: pageNames.rules, scope: 'executions:read' },
    { path: WEBHOOKS_PATH, name: pageNames.webhooks, scope: 'webhooks:write' },
  ]
  return pages.filter(({ scope }) => scope === null || scopes.includes(scope))
}
