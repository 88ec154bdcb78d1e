/** Some of the executions of a list, and the one that was chosen last, from which ranges begin. */
export interface Selection {
  readonly ids: ReadonlySet<string>
  readonly last: string | null
}

export const NO_SELECTION: Selection = { ids: new Set(), last: null }

/** `selection` with or without the execution `id`. */
export function toggleOne({ ids }: Selection, id: string): Selection {
  const next = new Set(ids)
  if (!next.delete(id)) next.add(id)
  return { ids: next, last: id }
}

/** `selection` with all of the `shown` executions from the one chosen last to `id`, as that one was. */
export function extendTo(selection: Selection, id: string, shown: readonly string[]): Selection {
  const [from, to] = [shown.indexOf(selection.last ?? ''), shown.indexOf(id)]
  if (from < 0 || to < 0) return toggleOne(selection, id)
  const isChosen = selection.last !== null && selection.ids.has(selection.last)
  const next = new Set(selection.ids)
  for (const each of shown.slice(Math.min(from, to), Math.max(from, to) + 1)) {
    if (isChosen) next.add(each)
    else next.delete(each)
  }
  return { ids: next, last: id }
}

/** All of the `shown` executions, or none where all are chosen. */
export function toggleAll({ ids }: Selection, shown: readonly string[]): Selection {
  return shown.every((id) => ids.has(id)) ? NO_SELECTION : { ids: new Set([...ids, ...shown]), last: null }
}

/** The chosen executions in the order in which they are `shown`, and then those that are not shown. */
export function inOrder({ ids }: Selection, shown: readonly string[]): string[] {
  const known = new Set(shown)
  return [...shown.filter((id) => ids.has(id)), ...[...ids].filter((id) => !known.has(id))]
}
