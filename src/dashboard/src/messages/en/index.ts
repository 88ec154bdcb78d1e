import { app } from './app.ts'
import { components } from './components.ts'
import { webhooks } from './webhooks.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { app, components, webhooks }
