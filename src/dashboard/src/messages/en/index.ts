import { app } from './app.ts'
import { bar } from './bar.ts'
import { charts } from './charts.ts'
import { components } from './components.ts'
import { connect } from './connect.ts'
import { webhooks } from './webhooks.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { app, bar, charts, components, connect, webhooks }
