/** What of an alert decides on its place in a list. */
export interface ListedAlert {
  readonly id: string
  readonly state: string
  readonly firedAt: string
}

/** `alerts`, newest first, with `changed` in its place: left out where the list shows another `state` alone. */
export function mergeAlert<A extends ListedAlert>(alerts: readonly A[], changed: A, state: string | null): A[] {
  const others = alerts.filter((each) => each.id !== changed.id)
  if (state !== null && changed.state !== state) return others
  const place = others.findIndex((each) => Date.parse(each.firedAt) < Date.parse(changed.firedAt))
  return others.toSpliced(place === -1 ? others.length : place, 0, changed)
}
