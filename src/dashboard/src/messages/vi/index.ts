import type { Messages } from '../messages.ts'
import { app } from './app.ts'
import { bar } from './bar.ts'
import { charts } from './charts.ts'
import { components } from './components.ts'
import { connect } from './connect.ts'
import { webhooks } from './webhooks.ts'

/** All messages in Vietnamese. */
export const vi: Messages = { app, bar, charts, components, connect, webhooks }
