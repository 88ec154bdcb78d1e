import { lazy, type ComponentType } from 'react'
import { API_PATH, AUDIT_PATH, COMPARE_PATH, CONNECT_PATH, KEYS_PATH, WEBHOOKS_PATH } from '../model/paths.ts'

/** The pages that are loaded when they are visited, by their paths; those of executions are in `App`. */
export const PAGES: readonly (readonly [string | RegExp, ComponentType])[] = [
  [API_PATH, lazy(() => import('../api/ApiPage.tsx'))],
  [AUDIT_PATH, lazy(() => import('../audit/AuditPage.tsx'))],
  [COMPARE_PATH, lazy(() => import('../detail/ComparePage.tsx'))],
  [CONNECT_PATH, lazy(() => import('../connect/ConnectPage.tsx'))],
  [KEYS_PATH, lazy(() => import('../keys/KeysPage.tsx'))],
  [WEBHOOKS_PATH, lazy(() => import('../webhooks/WebhooksPage.tsx'))],
]
