/** A moment as text: `-24h`, so long before now, or an instant with its offset. */

const UNITS: Record<string, { milliseconds: number; name: string }> = {
  s: { milliseconds: 1000, name: 'second' },
  m: { milliseconds: 60_000, name: 'minute' },
  h: { milliseconds: 3_600_000, name: 'hour' },
  d: { milliseconds: 86_400_000, name: 'day' },
  w: { milliseconds: 604_800_000, name: 'week' },
}

const RELATIVE = /^-(\d{1,5})([smhdw])$/
const ABSOLUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$/

/** Whether `text` is a moment. */
export function isInstant(text: string): boolean {
  return RELATIVE.test(text) || (ABSOLUTE.test(text) && !Number.isNaN(Date.parse(text)))
}

/** Whether `text` is so long before now. */
export function isRelative(text: string): boolean {
  return RELATIVE.test(text)
}

/** The instant that `text` is at `now`, in RFC 3339; `text` must be a moment. */
export function resolveInstant(text: string, now: number): string {
  const [, amount, unit] = RELATIVE.exec(text) ?? []
  const length = UNITS[unit ?? '']?.milliseconds
  if (length === undefined) return new Date(text).toISOString()
  return new Date(now - Number(amount) * length).toISOString()
}

/** `text` as people read it. */
export function nameInstant(text: string): string {
  const [, amount, unit] = RELATIVE.exec(text) ?? []
  const name = UNITS[unit ?? '']?.name
  if (name === undefined) return text.replace('T', ' ').replace(/(:00)?(\.\d+)?Z$/, ' UTC')
  return `${amount ?? ''} ${name}${amount === '1' ? '' : 's'} ago`
}
