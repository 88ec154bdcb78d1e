const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

interface Formats {
  time: Intl.DateTimeFormat
  day: Intl.DateTimeFormat
  date: Intl.DateTimeFormat
  dateOfYear: Intl.DateTimeFormat
}

// Making one takes longer than drawing a row that uses it.
const formats = new Map<string | undefined, Formats>()

/** How long before `now` an instant was, roughly: `just now`, `5 m ago`, `3 h ago`, `2 d ago`; milliseconds. */
export function formatAge(instant: number, now: number): string {
  const age = now - instant
  if (age < -MINUTE) return `in ${roughly(-age)}`
  if (age < 5000) return 'just now'
  return `${roughly(age)} ago`
}

/** `instant` in the time zone `zone` (the viewer's without one): the time today, the day and time otherwise. */
export function formatMoment(instant: number, now: number, zone?: string): string {
  const { time, day, date, dateOfYear } = formatsOf(zone)
  const its = day.format(instant)
  const today = day.format(now)
  const clock = time.format(instant)
  if (its === today) return clock
  const isThisYear = its.slice(0, 4) === today.slice(0, 4)
  return `${(isThisYear ? date : dateOfYear).format(instant)} ${clock.slice(0, 5)}`
}

/** The exact instant, as a machine would write it. */
export function formatUtc(instant: number): string {
  return new Date(instant).toISOString().replace('T', ' ').replace('Z', ' UTC')
}

function formatsOf(zone: string | undefined): Formats {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const common = zone === undefined ? {} : { timeZone: zone }
  const date = { day: 'numeric', month: 'short', ...common } as const
  const made = {
    time: new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', ...common }),
    // Swedish writes dates as ISO 8601 does.
    day: new Intl.DateTimeFormat('sv-SE', common),
    date: new Intl.DateTimeFormat('en-GB', date),
    dateOfYear: new Intl.DateTimeFormat('en-GB', { ...date, year: 'numeric' }),
  }
  formats.set(zone, made)
  return made
}

function roughly(milliseconds: number): string {
  if (milliseconds < MINUTE) return `${Math.floor(milliseconds / 1000)} s`
  if (milliseconds < HOUR) return `${Math.floor(milliseconds / MINUTE)} m`
  if (milliseconds < 2 * DAY) return `${Math.floor(milliseconds / HOUR)} h`
  return `${Math.floor(milliseconds / DAY)} d`
}
