import { api } from './api.ts'
import { app } from './app.ts'
import { audit } from './audit.ts'
import { bar } from './bar.ts'
import { charts } from './charts.ts'
import { components } from './components.ts'
import { connect } from './connect.ts'
import { model } from './model.ts'
import { overview } from './overview.ts'
import { webhooks } from './webhooks.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { api, app, audit, bar, charts, components, connect, model, overview, webhooks }
