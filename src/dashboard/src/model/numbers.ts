import { messages } from '../messages/messages.ts'

interface Formats {
  count: Intl.NumberFormat
  brief: Intl.NumberFormat
}

// Cached by locale: creating a formatter takes longer than drawing a row that uses it.
const formats = new Map<string, Formats>()

function formatsOf(locale: string): Formats {
  const known = formats.get(locale)
  if (known !== undefined) return known
  const created = {
    count: new Intl.NumberFormat(locale),
    brief: new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }),
  }
  formats.set(locale, created)
  return created
}

/** `seconds` in one or two units: `0.4 s`, `12 s`, `3 m 05 s`, `2 h 10 m`, `4 d 03 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 0.0005) return '0 s'
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`
  const hours = Math.floor(minutes / 60)
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`
}

/** `seconds` of something that is still running: as `formatDuration`, in whole seconds. */
export function formatElapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  return whole < 10 ? `${whole} s` : formatDuration(whole)
}

/** `dollars` with a currency sign: four decimals below ten cents, none from $10,000. */
export function formatCost(dollars: number): string {
  if (dollars === 0) return '$0'
  if (dollars < 0.00005) return '<$0.0001'
  if (dollars < 0.1) return `$${dollars.toFixed(4)}`
  if (dollars < 10_000) return `$${dollars.toFixed(2)}`
  return `$${formatCount(Math.round(dollars))}`
}

/** `1204` as `1,204`. */
export function formatCount(value: number): string {
  return formatsOf(messages.model.numberLocale).count.format(value)
}

/** `15300` as `15.3K`. */
export function formatBriefly(value: number): string {
  return formatsOf(messages.model.numberLocale).brief.format(value)
}

/** A number of matches; `more than 10,000` when counting stopped there. */
export function formatTotal(total: number, isExact: boolean): string {
  return isExact ? formatCount(total) : messages.model.moreThan(formatCount(total))
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
