import type { Messages } from '../messages.ts'
import { alerts } from './alerts.ts'
import { api } from './api.ts'
import { app } from './app.ts'
import { audit } from './audit.ts'
import { bar } from './bar.ts'
import { charts } from './charts.ts'
import { components } from './components.ts'
import { connect } from './connect.ts'
import { detail } from './detail.ts'
import { failures } from './failures.ts'
import { keys } from './keys.ts'
import { list } from './list.ts'
import { model } from './model.ts'
import { overview } from './overview.ts'
import { palette } from './palette.ts'
import { rules } from './rules.ts'
import { session } from './session.ts'
import { views } from './views.ts'
import { webhooks } from './webhooks.ts'
import { workflow } from './workflow.ts'

/** All messages in Vietnamese. */
export const vi: Messages = {
  alerts,
  api,
  app,
  audit,
  bar,
  charts,
  components,
  connect,
  detail,
  failures,
  keys,
  list,
  model,
  overview,
  palette,
  rules,
  session,
  views,
  webhooks,
  workflow,
}
