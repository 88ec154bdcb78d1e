import { lazyPage, type LazyPage } from '../components/lazyPage.ts'
import {
  ALERTS_PATH,
  API_PATH,
  AUDIT_PATH,
  COMPARE_PATH,
  CONNECT_PATH,
  FAILURES_PATH,
  KEYS_PATH,
  LIST_PATH,
  movedListPath,
  OVERVIEW_PATH,
  RULES_PATH,
  WEBHOOKS_PATH,
  WORKFLOWS_PATH,
} from '../model/paths.ts'

/** The start page. */
export const OverviewPage = lazyPage(() => import('../overview/OverviewPage.tsx'))
/** The list, which has its messages with the frame. */
export const ListPage = lazyPage(
  async () => ({ default: (await import('../list/ListPage.tsx')).ListPage }),
  () => Promise.resolve(),
)
/** The page of an execution. */
export const DetailPage = lazyPage(() => import('../detail/DetailPage.tsx'))

/** The pages that are loaded when they are visited, by their paths; those of executions are in `App`. */
export const PAGES: readonly (readonly [string | RegExp, LazyPage<object>])[] = [
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

/** Loads the page at an address, so that it is shown without waiting; where that fails, the page itself tries again. */
export async function loadPageAt(path: string, query: string): Promise<void> {
  const page = path === '/' ? (movedListPath(query) === null ? OverviewPage : ListPage) : pageAt(path)
  await page.load().catch(() => undefined)
}

function pageAt(path: string): LazyPage<object> | typeof DetailPage {
  if (path === LIST_PATH) return ListPage
  const found = PAGES.find(([pattern]) => (typeof pattern === 'string' ? pattern === path : pattern.test(path)))
  return found?.[1] ?? DetailPage
}
