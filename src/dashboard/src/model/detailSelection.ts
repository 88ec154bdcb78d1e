/** The parts of an execution's page. */
export const TABS = ['timeline', 'graph', 'logs', 'data', 'compare'] as const
export type Tab = (typeof TABS)[number]

/** What is selected on an execution's page: all of it is in the address. */
export interface Selection {
  tab: Tab
  /** The `stepId` of a step; null for none. */
  step: string | null
  /** The number of one of its attempts; null for the last. */
  attempt: number | null
  /** The key of a log line, as of `keyOfLine`. */
  line: string | null
}

/** The selection in the query of an address. */
export function parseSelection(search: string): Selection {
  const query = new URLSearchParams(search)
  const attempt = /^\d{1,6}$/.exec(query.get('attempt') ?? '')?.[0]
  const step = query.get('step')
  return {
    tab: TABS.find((tab) => tab === query.get('tab')) ?? 'timeline',
    step,
    attempt: attempt === undefined || step === null ? null : Number(attempt),
    line: query.get('line'),
  }
}

/** The query `search` with the selection in it; what is as usual is left out. */
export function printSelection({ tab, step, attempt, line }: Selection, search = ''): string {
  const query = new URLSearchParams(search)
  const values = {
    tab: tab === 'timeline' ? null : tab,
    step,
    attempt: attempt === null ? null : String(attempt),
    line,
  }
  for (const [name, value] of Object.entries(values)) {
    if (value === null) query.delete(name)
    else query.set(name, value)
  }
  return query.toString()
}

/** `selection` with `changes`: an attempt is one of a step, and a line may be hidden by another step. */
export function change(selection: Selection, changes: Partial<Selection>): Selection {
  const isOtherStep = changes.step !== undefined && changes.step !== selection.step
  return { ...selection, ...(isOtherStep && { attempt: null, line: null }), ...changes }
}
