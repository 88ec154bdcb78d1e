/** What is known of one execution: itself, its steps and its log lines. */
export interface Activity<E, S extends { stepId: string; index: number }, L> {
  readonly execution: E | null
  readonly steps: readonly S[]
  readonly lines: readonly L[]
  readonly isGone: boolean
}

/** What happens to it. */
export type ActivityEvent<E, S, L> =
  | { kind: 'execution'; execution: E }
  | { kind: 'gone' }
  | { kind: 'begin' }
  | { kind: 'step'; step: S }
  | { kind: 'line'; line: L }

/** How many log lines are kept: the oldest go first. */
export const MOST_LINES = 100_000

/** Nothing is known yet. */
export function beginActivity<E, S extends { stepId: string; index: number }, L>(): Activity<E, S, L> {
  return { execution: null, steps: [], lines: [], isGone: false }
}

/** `known` after `events`, in their order; after `begin` all that is there comes once more. */
export function applyActivity<E, S extends { stepId: string; index: number }, L>(
  known: Activity<E, S, L>,
  events: readonly ActivityEvent<E, S, L>[],
): Activity<E, S, L> {
  let { execution, isGone } = known
  let steps = new Map(known.steps.map((step) => [step.stepId, step]))
  let lines = [...known.lines]
  for (const event of events) {
    if (event.kind === 'execution') execution = event.execution
    else if (event.kind === 'gone') isGone = true
    else if (event.kind === 'step') steps.set(event.step.stepId, event.step)
    else if (event.kind === 'line') lines.push(event.line)
    else {
      steps = new Map()
      lines = []
    }
  }
  const inOrder = [...steps.values()].sort((left, right) => left.index - right.index)
  return { execution, isGone, steps: inOrder, lines: lines.slice(-MOST_LINES) }
}
