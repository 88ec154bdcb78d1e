import { isRelative, nameDate } from './dates.ts'

/** The zone in which people enter times: the viewer's, or UTC. */
export type Zone = 'local' | 'UTC'

/** A range of time for people: `Last 24 hours`, or `2026-11-01 10:00 UTC – now`. */
export function nameRange(since: string | null, until: string | null): string {
  if (since === null && until === null) return 'Any time'
  if (until !== null) return `${since === null ? '…' : nameDate(since)} – ${nameDate(until)}`
  if (since === null || !isRelative(since)) return `${since === null ? '…' : nameDate(since)} – now`
  return `Last ${nameDate(since).replace(/ ago$/, '').replace(/^1 /, '')}`
}

/** The date of a `datetime-local` input, in RFC 3339; null for none. */
export function readLocal(value: string, zone: Zone): string | null {
  const time = Date.parse(zone === 'UTC' ? `${value}Z` : value)
  return Number.isNaN(time) ? null : new Date(time).toISOString().replace('.000', '')
}

/** The date `text` as a `datetime-local` input takes it; empty for relative ones and for none. */
export function printLocal(text: string | null, zone: Zone): string {
  if (text === null || isRelative(text)) return ''
  const date = new Date(text)
  const offset = zone === 'UTC' ? 0 : date.getTimezoneOffset() * 60_000
  return new Date(date.getTime() - offset).toISOString().slice(0, 19)
}
