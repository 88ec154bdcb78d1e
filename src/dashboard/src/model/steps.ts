/** The fields of a step that put it into a list. An attempt may be a document of its own: then `stepId` repeats, and `id` does not. */
export interface ListedStep {
  id: string
  stepId: string
  index: number
  attempt: number
}

/** `steps` with `changed` in place of those with their ids, in the order of the workflow and of the attempts. */
export function mergeSteps<S extends ListedStep>(steps: readonly S[], changed: readonly S[]): readonly S[] {
  if (changed.length === 0) return steps
  const all = new Map([...steps, ...changed].map((step) => [step.id, step]))
  return [...all.values()].sort((one, other) => one.index - other.index || one.attempt - other.attempt)
}
