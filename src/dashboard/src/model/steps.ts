import { messages } from '../messages/messages.ts'
import { formatCount } from './numbers.ts'

/** The fields of a step that put it into a list. An attempt may be a document of its own: then `stepId` repeats, and `id` does not. */
export interface ListedStep {
  id: string
  stepId: string
  index: number
  attempt: number
}

/** How many steps are shown, and how many are not; `total` is 0 where the engine does not tell. */
export function describeSteps(shown: number, further: 'none' | 'loading' | 'left out', total: number): string {
  const words = messages.model
  const count = words.steps(formatCount(shown), shown === 1)
  if (further === 'none') return count
  const name = total > shown ? words.stepsOf(count, formatCount(total)) : count
  if (further === 'loading') return words.stepsLoading(name)
  return total > shown ? words.stepsLeftOut(name, formatCount(total - shown)) : words.furtherStepsLeftOut(name)
}

/** `steps` with `changed` in place of those with their ids, in the order of the workflow and of the attempts. */
export function mergeSteps<S extends ListedStep>(steps: readonly S[], changed: readonly S[]): readonly S[] {
  if (changed.length === 0) return steps
  const all = new Map([...steps, ...changed].map((step) => [step.id, step]))
  return [...all.values()].sort((one, other) => one.index - other.index || one.attempt - other.attempt)
}
