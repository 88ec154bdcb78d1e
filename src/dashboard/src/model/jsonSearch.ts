import { toSearchText } from './searchText.ts'

/** Which parts of a JSON value match a search. */
export interface JsonMatches {
  /** How many keys and values match. */
  count: number
  /** Whether there are more, which were not looked for. */
  isCut: boolean
  /** The entries of arrays and objects that match, or that lead to one that does, by the array or object. */
  entries: ReadonlyMap<object, ReadonlySet<string>>
}

const MAX_MATCHES = 1_000

/** The keys and values in the JSON `value` that contain `text`, in any case; null where `text` is empty. */
export function searchJson(value: unknown, text: string): JsonMatches | null {
  const wanted = toSearchText(text.trim())
  if (wanted === '') return null
  const entries = new Map<object, Set<string>>()
  let count = 0
  const find = (each: unknown): boolean => {
    if (count >= MAX_MATCHES) return false
    if (typeof each !== 'object' || each === null) {
      const isMatch = contains(typeof each === 'string' ? each : String(each), wanted)
      count += Number(isMatch)
      return isMatch
    }
    const found = new Set<string>()
    // Places in an array are no keys that anyone looks for.
    const isArray = Array.isArray(each)
    for (const [key, inner] of Object.entries(each)) {
      const isKey = !isArray && contains(key, wanted)
      count += Number(isKey)
      if (find(inner) || isKey) found.add(key)
    }
    entries.set(each, found)
    return found.size > 0
  }
  find(value)
  return { count, isCut: count >= MAX_MATCHES, entries }
}

/** `text` in parts, those that match `search` marked. */
export function markMatches(text: string, search: string): { text: string; isMatch: boolean }[] {
  const wanted = toSearchText(search.trim())
  const where = toSearchText(text)
  // Where letters change their number, places cannot be compared; then all of it counts as the match.
  if (wanted === '' || !where.includes(wanted)) return [{ text, isMatch: false }]
  if (where.length !== text.length) return [{ text, isMatch: true }]
  const parts: { text: string; isMatch: boolean }[] = []
  let end = 0
  for (let at = where.indexOf(wanted); at >= 0; at = where.indexOf(wanted, end)) {
    if (at > end) parts.push({ text: text.slice(end, at), isMatch: false })
    end = at + wanted.length
    parts.push({ text: text.slice(at, end), isMatch: true })
  }
  if (end < text.length) parts.push({ text: text.slice(end), isMatch: false })
  return parts
}

function contains(text: string, wanted: string): boolean {
  return toSearchText(text).includes(wanted)
}
