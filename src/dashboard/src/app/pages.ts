import { lazy, type ComponentType } from 'react'
import {
  ALERTS_PATH,
  API_PATH,
  AUDIT_PATH,
  COMPARE_PATH,
  CONNECT_PATH,
  KEYS_PATH,
  RULES_PATH,
  WEBHOOKS_PATH,
} from '../model/paths.ts'

/** The pages that are loaded when they are visited, by their paths; those of executions are in `App`. */
export const PAGES: readonly (readonly [string | RegExp, ComponentType])[] = [
  [ALERTS_PATH, lazy(() => import('../alerts/AlertsPage.tsx'))],
  [API_PATH, lazy(() => import('../api/ApiPage.tsx'))],
  [AUDIT_PATH, lazy(() => import('../audit/AuditPage.tsx'))],
  [COMPARE_PATH, lazy(() => import('../detail/ComparePage.tsx'))],
  [CONNECT_PATH, lazy(() => import('../connect/ConnectPage.tsx'))],
  [KEYS_PATH, lazy(() => import('../keys/KeysPage.tsx'))],
  [RULES_PATH, lazy(() => import('../alerts/RulesPage.tsx'))],
  [WEBHOOKS_PATH, lazy(() => import('../webhooks/WebhooksPage.tsx'))],
]
