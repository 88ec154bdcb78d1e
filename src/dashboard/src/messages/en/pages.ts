import { alerts } from './alerts.ts'
import { api } from './api.ts'
import { audit } from './audit.ts'
import { connect } from './connect.ts'
import { detail } from './detail.ts'
import { failures } from './failures.ts'
import { keys } from './keys.ts'
import { overview } from './overview.ts'
import { palette } from './palette.ts'
import { rules } from './rules.ts'
import { webhooks } from './webhooks.ts'
import { workflow } from './workflow.ts'

/** The messages in English of the pages that are loaded when they are visited: one file for each folder. */
export const pages = {
  alerts,
  api,
  audit,
  connect,
  detail,
  failures,
  keys,
  overview,
  palette,
  rules,
  webhooks,
  workflow,
}
