import { messages } from '../messages/messages.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

interface Formats {
  clock: Intl.DateTimeFormat
  day: Intl.DateTimeFormat
  date: Intl.DateTimeFormat
  dateWithYear: Intl.DateTimeFormat
  abbreviation: Intl.DateTimeFormat
}

// Cached by locale and zone: creating a formatter takes longer than drawing a row that uses it.
const formats = new Map<string, Formats>()

/** The age of `time` at `now` (both milliseconds), rounded: `just now`, `5 m ago`, `3 h ago`, `2 d ago`. */
export function formatAge(time: number, now: number): string {
  const age = now - time
  const { ages } = messages.model
  if (age < -MINUTE) return ages.in(round(-age))
  if (age < 5000) return ages.now
  return ages.ago(round(age))
}

/** `time` in the time zone `zone` (by default the viewer's): `12:30:05` today, `22 Nov 12:30` otherwise. */
export function formatDate(time: number, now: number, zone?: string): string {
  const { clock, day, date, dateWithYear } = formatsOf(zone)
  const thatDay = day.format(time)
  const today = day.format(now)
  const clockTime = clock.format(time)
  if (thatDay === today) return clockTime
  const isThisYear = thatDay.slice(0, 4) === today.slice(0, 4)
  return `${(isThisYear ? date : dateWithYear).format(time)} ${clockTime.slice(0, 5)}`
}

/** The day of `time` in the time zone `zone`: `22 Nov`, with its year where that is not the present one. */
export function formatDay(time: number, now: number, zone?: string): string {
  const { day, date, dateWithYear } = formatsOf(zone)
  const isThisYear = day.format(time).slice(0, 4) === day.format(now).slice(0, 4)
  return (isThisYear ? date : dateWithYear).format(time)
}

/** What is from `start` to `end`, in the time zone `zone`: `12:05 – 12:10`, `22 Nov 12:00 – 13:00`, `22 Nov – 28 Nov`. */
export function formatSpan(start: number, end: number, now: number, zone?: string): string {
  const { clock, day } = formatsOf(zone)
  const [startClock, endClock] = [start, end].map((time) => clock.format(time).slice(0, 5))
  const first = formatDay(start, now, zone)
  // Days of 23 hours and weeks begin at midnight.
  if (end - start > 22 * HOUR && startClock === endClock) {
    const last = formatDay(end - 1, now, zone)
    return first === last ? first : `${first} – ${last}`
  }
  const date = day.format(start) === day.format(now) ? '' : `${first} `
  const isOneDay = day.format(start) === day.format(end - 1)
  return `${date}${startClock ?? ''} – ${isOneDay ? '' : `${formatDay(end, now, zone)} `}${endClock ?? ''}`
}

/** `time` of a log line, to the millisecond: `12:30:05.007`, or `22 Nov 12:30:05.007` with its date. */
export function formatLogTime(time: number, hasDate: boolean, zone?: string): string {
  const { clock, date } = formatsOf(zone)
  const clockTime = `${clock.format(time)}.${String(new Date(time).getUTCMilliseconds()).padStart(3, '0')}`
  return hasDate ? `${date.format(time)} ${clockTime}` : clockTime
}

/** Whether all `times` (milliseconds) are of one day. */
export function areOneDay(times: readonly number[], zone?: string): boolean {
  const { day } = formatsOf(zone)
  return new Set(times.map((time) => day.format(time))).size <= 1
}

/** `time` in UTC, to the millisecond: `2026-11-23 12:00:00.007 UTC`. */
export function formatUtc(time: number): string {
  return new Date(time).toISOString().replace('T', ' ').replace('Z', ' UTC')
}

/** Whether `name` is the name of a time zone, such as `UTC` or `Europe/Berlin`. */
export function isZone(name: string): boolean {
  try {
    // Offsets such as `+01:00` are no names.
    if (!/^[A-Za-z]/.test(name)) return false
    formatsOf(name)
    return true
  } catch {
    return false
  }
}

/** How far the clocks of `zone` are ahead of UTC at `time`; both in milliseconds. */
export function offsetAt(time: number, zone?: string): number {
  const { clock, day } = formatsOf(zone)
  const seconds = Math.floor(time / 1000) * 1000
  return Date.parse(`${day.format(time)}T${clock.format(time)}Z`) - seconds
}

// Dates in filters and addresses are text: how long ago, such as `-24h`, or an RFC 3339 date and time.

const UNITS = { s: 1000, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY } as const
type Unit = keyof typeof UNITS

const RELATIVE = /^-(\d{1,5})([smhdw])$/
const ABSOLUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$/

/** Whether `text` is a date: relative or absolute. */
export function isDate(text: string): boolean {
  return isRelative(text) || (ABSOLUTE.test(text) && !Number.isNaN(Date.parse(text)))
}

/** Whether `text` is a relative date, such as `-24h`. */
export function isRelative(text: string): boolean {
  return RELATIVE.test(text)
}

/** The date `text` in RFC 3339, relative ones counted back from `now` (milliseconds). */
export function resolveDate(text: string, now: number): string {
  const relative = readRelative(text)
  if (relative === null) return new Date(text).toISOString()
  return new Date(now - relative.amount * UNITS[relative.unit]).toISOString()
}

/** `time` (milliseconds) as the text of an absolute date. */
export function printTime(time: number): string {
  return new Date(time).toISOString().replace('.000', '')
}

/**
 * The date `text` for people: `24 hours ago`, or in the time zone `zone` `2026-11-01 10:30`, with the name of the zone
 * where it is not that of the browser.
 */
export function nameDate(text: string, zone?: string): string {
  const relative = readRelative(text)
  if (relative !== null) return messages.model.ages.ago(messages.model.ages.units[relative.unit](relative.amount))
  const time = Date.parse(text)
  const { clock, day, abbreviation } = formatsOf(zone)
  const zoneName = zone === undefined ? '' : ` ${abbreviation.formatToParts(time).at(-1)?.value ?? zone}`
  return `${day.format(time)} ${clock.format(time).replace(/:00$/, '')}${zoneName}`
}

/** How long ago the relative date `text` is; null for any other. */
export function readRelative(text: string): { amount: number; unit: Unit } | null {
  const [, amount, unit] = RELATIVE.exec(text) ?? []
  return amount === undefined || unit === undefined ? null : { amount: Number(amount), unit: unit as Unit }
}

function formatsOf(zone: string | undefined): Formats {
  const locale = messages.model.dateLocale
  const key = `${locale} ${zone ?? ''}`
  const known = formats.get(key)
  if (known !== undefined) return known
  const common = zone === undefined ? {} : { timeZone: zone }
  const date = { day: 'numeric', month: 'short', ...common } as const
  const created = {
    clock: new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', ...common }),
    // Swedish writes dates as ISO 8601 does.
    day: new Intl.DateTimeFormat('sv-SE', common),
    date: new Intl.DateTimeFormat(locale, date),
    dateWithYear: new Intl.DateTimeFormat(locale, { ...date, year: 'numeric' }),
    abbreviation: new Intl.DateTimeFormat(locale, { timeZoneName: 'short', ...common }),
  }
  formats.set(key, created)
  return created
}

function round(milliseconds: number): string {
  if (milliseconds < MINUTE) return `${Math.floor(milliseconds / 1000)} s`
  if (milliseconds < HOUR) return `${Math.floor(milliseconds / MINUTE)} m`
  if (milliseconds < 2 * DAY) return `${Math.floor(milliseconds / HOUR)} h`
  return `${Math.floor(milliseconds / DAY)} d`
}
