import { app } from './app.ts'
import { bar } from './bar.ts'
import { components } from './components.ts'
import { detail } from './detail.ts'
import { webhooks } from './webhooks.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { app, bar, components, detail, webhooks }
