import type { ComponentType } from 'react'
import { lazyPage } from '../components/lazyPage.ts'
import {
  ALERTS_PATH,
  API_PATH,
  AUDIT_PATH,
  COMPARE_PATH,
  CONNECT_PATH,
  FAILURES_PATH,
  KEYS_PATH,
  OVERVIEW_PATH,
  RULES_PATH,
  WEBHOOKS_PATH,
  WORKFLOWS_PATH,
} from '../model/paths.ts'

/** The start page. */
export const OverviewPage = lazyPage(() => import('../overview/OverviewPage.tsx'))

/** The pages that are loaded when they are visited, by their paths; those of executions are in `App`. */
export const PAGES: readonly (readonly [string | RegExp, ComponentType])[] = [
  [ALERTS_PATH, lazyPage(() => import('../alerts/AlertsPage.tsx'))],
  [API_PATH, lazyPage(() => import('../api/ApiPage.tsx'))],
  [AUDIT_PATH, lazyPage(() => import('../audit/AuditPage.tsx'))],
  [COMPARE_PATH, lazyPage(() => import('../detail/ComparePage.tsx'))],
  [CONNECT_PATH, lazyPage(() => import('../connect/ConnectPage.tsx'))],
  [FAILURES_PATH, lazyPage(() => import('../failures/FailuresPage.tsx'))],
  [KEYS_PATH, lazyPage(() => import('../keys/KeysPage.tsx'))],
  [OVERVIEW_PATH, OverviewPage],
  [RULES_PATH, lazyPage(() => import('../alerts/RulesPage.tsx'))],
  [WEBHOOKS_PATH, lazyPage(() => import('../webhooks/WebhooksPage.tsx'))],
  // Any name may follow.
  [new RegExp(`^${WORKFLOWS_PATH}`), lazyPage(() => import('../workflow/WorkflowPage.tsx'))],
]
