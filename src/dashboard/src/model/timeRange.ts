import { messages } from '../messages/messages.ts'
import { isRelative, nameDate, offsetAt, readRelative } from './dates.ts'

/** A range of time for people: `Last 24 hours`, or in the time zone `zone` `2026-11-01 10:00 UTC – now`. */
export function nameRange(since: string | null, until: string | null, zone?: string): string {
  const { ages, ranges } = messages.model
  if (since === null && until === null) return ranges.any
  const relative = until === null && since !== null ? readRelative(since) : null
  if (relative !== null) return ranges.last(relative.amount, ages.units[relative.unit](relative.amount))
  const from = since === null ? '…' : nameDate(since, zone)
  return `${from} – ${until === null ? ranges.now : nameDate(until, zone)}`
}

/** The date of a `datetime-local` input, entered in the time zone `zone`, in RFC 3339; null for none. */
export function readLocal(value: string, zone?: string): string | null {
  const clock = Date.parse(`${value}Z`)
  if (Number.isNaN(clock)) return null
  // The offset is that of the result, which is near the clock's time.
  const guess = clock - offsetAt(clock, zone)
  return new Date(clock - offsetAt(guess, zone)).toISOString().replace('.000', '')
}

/** The date `text` as a `datetime-local` input takes it, in the time zone `zone`; empty for relative ones and for none. */
export function printLocal(text: string | null, zone?: string): string {
  if (text === null || text === '' || isRelative(text)) return ''
  const time = Date.parse(text)
  return new Date(time + offsetAt(time, zone)).toISOString().slice(0, 19)
}
