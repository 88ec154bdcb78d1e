/** A page under a name. */
export interface NamedAddress {
  readonly name: string
  readonly address: string
}

// The server takes 100.
const MAX_NAME = 100

/** Those of `views` that `saved` lacks, under names that none of it has. */
export function unsavedOf(views: readonly NamedAddress[], saved: readonly NamedAddress[]): NamedAddress[] {
  const names = new Set(saved.map((each) => each.name))
  return views.flatMap(({ name, address }) => {
    if (saved.some((each) => each.name === name && each.address === address)) return []
    const free = freeName(name, names)
    names.add(free)
    return [{ name: free, address }]
  })
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : ` (${number})`
    const tried = (name.trim() || '?').slice(0, MAX_NAME - suffix.length) + suffix
    if (!taken.has(tried)) return tried
  }
}
