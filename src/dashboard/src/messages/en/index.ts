import { app } from './app.ts'
import { bar } from './bar.ts'
import { components } from './components.ts'
import { failures } from './failures.ts'
import { views } from './views.ts'
import { webhooks } from './webhooks.ts'
import { workflow } from './workflow.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { app, bar, components, failures, views, webhooks, workflow }
