import { lazy, type ComponentType } from 'react'
import { KEYS_PATH, WEBHOOKS_PATH } from '../model/paths.ts'

/** The pages that are loaded when they are visited, by their paths; those of executions are in `App`. */
export const PAGES: readonly (readonly [string | RegExp, ComponentType])[] = [
  [KEYS_PATH, lazy(() => import('../keys/KeysPage.tsx'))],
  [WEBHOOKS_PATH, lazy(() => import('../webhooks/WebhooksPage.tsx'))],
]
