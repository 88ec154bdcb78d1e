import type { Messages } from '../messages.ts'
import { alerts } from './alerts.ts'
import { api } from './api.ts'
import { app } from './app.ts'
import { audit } from './audit.ts'
import { bar } from './bar.ts'
import { components } from './components.ts'
import { connect } from './connect.ts'
import { detail } from './detail.ts'
import { model } from './model.ts'
import { rules } from './rules.ts'
import { webhooks } from './webhooks.ts'

/** All messages in Vietnamese. */
export const vi: Messages = { alerts, api, app, audit, bar, components, connect, detail, model, rules, webhooks }
