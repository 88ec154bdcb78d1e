import type { Messages } from '../messages.ts'
import { app } from './app.ts'
import { detail } from './detail.ts'

/** All messages in Vietnamese. */
export const vi: Messages = { app, detail }
