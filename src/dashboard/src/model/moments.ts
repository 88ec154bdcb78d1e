const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** How long before `now` an instant was, roughly: `just now`, `5 m ago`, `3 h ago`, `2 d ago`; milliseconds. */
export function formatAge(instant: number, now: number): string {
  const age = now - instant
  if (age < -MINUTE) return `in ${roughly(-age)}`
  if (age < 5000) return 'just now'
  return `${roughly(age)} ago`
}

/** `instant` in the time zone `zone` (the viewer's without one): the time today, the day and time otherwise. */
export function formatMoment(instant: number, now: number, zone?: string): string {
  const day = dayOf(instant, zone)
  const time = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).format(instant)
  if (day === dayOf(now, zone)) return time
  const isThisYear = day.slice(0, 4) === dayOf(now, zone).slice(0, 4)
  const date = new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    ...(isThisYear ? {} : { year: 'numeric' as const }),
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).format(instant)
  return `${date} ${time.slice(0, 5)}`
}

/** The exact instant, as a machine would write it. */
export function formatUtc(instant: number): string {
  return new Date(instant).toISOString().replace('T', ' ').replace('Z', ' UTC')
}

function roughly(milliseconds: number): string {
  if (milliseconds < MINUTE) return `${Math.floor(milliseconds / 1000)} s`
  if (milliseconds < HOUR) return `${Math.floor(milliseconds / MINUTE)} m`
  if (milliseconds < 2 * DAY) return `${Math.floor(milliseconds / HOUR)} h`
  return `${Math.floor(milliseconds / DAY)} d`
}

function dayOf(instant: number, zone?: string): string {
  const options = zone === undefined ? {} : { timeZone: zone }
  // Swedish writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', options).format(instant)
}
