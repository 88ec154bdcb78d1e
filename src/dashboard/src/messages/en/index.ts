import { app } from './app.ts'
import { detail } from './detail.ts'

/** All messages in English: one file for each folder of pages. */
export const en = { app, detail }
