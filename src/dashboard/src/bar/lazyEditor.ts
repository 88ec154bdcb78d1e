import { lazy } from 'react'

/** The form for one condition of a filter, loaded when one is opened. */
export const ConditionEditor = lazy(() => import('./ConditionEditor.tsx'))
