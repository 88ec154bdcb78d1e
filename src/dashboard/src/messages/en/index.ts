import { app } from './app.ts'
import { bar } from './bar.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { app, bar }
