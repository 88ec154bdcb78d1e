import { app } from './app.ts'
import { bar } from './bar.ts'
import { charts } from './charts.ts'
import { components } from './components.ts'
import { list } from './list.ts'
import { model } from './model.ts'
import { session } from './session.ts'
import { views } from './views.ts'

/** The messages in English of the first load: of the frame, the list and what all pages share. One file for each folder. */
export const en = { app, bar, charts, components, list, model, session, views }
