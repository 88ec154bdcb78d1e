import { app } from './app.ts'
import { model } from './model.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { app, model }
