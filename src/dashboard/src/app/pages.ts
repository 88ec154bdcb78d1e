import { lazy, type ComponentType } from 'react'
import { API_PATH, AUDIT_PATH, CONNECT_PATH, KEYS_PATH, OVERVIEW_PATH, WEBHOOKS_PATH } from '../model/paths.ts'

/** The start page. */
export const OverviewPage = lazy(() => import('../overview/OverviewPage.tsx'))

/** The pages that are loaded when they are visited, by their paths; those of executions are in `App`. */
export const PAGES: readonly (readonly [string | RegExp, ComponentType])[] = [
  [API_PATH, lazy(() => import('../api/ApiPage.tsx'))],
  [AUDIT_PATH, lazy(() => import('../audit/AuditPage.tsx'))],
  [CONNECT_PATH, lazy(() => import('../connect/ConnectPage.tsx'))],
  [KEYS_PATH, lazy(() => import('../keys/KeysPage.tsx'))],
  [OVERVIEW_PATH, OverviewPage],
  [WEBHOOKS_PATH, lazy(() => import('../webhooks/WebhooksPage.tsx'))],
]
