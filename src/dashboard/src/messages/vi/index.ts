import type { Messages } from '../messages.ts'
import { app } from './app.ts'
import { model } from './model.ts'

/** All messages in Vietnamese. */
export const vi: Messages = { app, model }
