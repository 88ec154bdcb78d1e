import type { Messages } from '../messages.ts'
import { app } from './app.ts'
import { bar } from './bar.ts'
import { components } from './components.ts'
import { detail } from './detail.ts'
import { webhooks } from './webhooks.ts'

/** All messages in Vietnamese. */
export const vi: Messages = { app, bar, components, detail, webhooks }
