import { expect, test } from 'vitest'
import {
  areOneDay,
  formatAge,
  formatDate,
  formatLogTime,
  formatUtc,
  isDate,
  isZone,
  nameDate,
  offsetAt,
  resolveDate,
} from './dates.ts'

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0)

test.each([
  [NOW, 'just now'],
  [NOW - 12_000, '12 s ago'],
  [NOW - 5 * 60_000, '5 m ago'],
  [NOW - 47 * 3_600_000, '47 h ago'],
  [NOW - 72 * 3_600_000, '3 d ago'],
  [NOW + 120_000, 'in 2 m'],
])('%d is shown as %s', (time, text) => {
  expect(formatAge(time, NOW)).toBe(text)
})

test('a time of today is shown as clock time, in the viewer’s zone', () => {
  expect(formatDate(NOW - 1000, NOW, 'UTC')).toBe('11:59:59')
  expect(formatDate(NOW - 1000, NOW, 'Asia/Tokyo')).toBe('20:59:59')
})

test('a time of another day has the date, and of another year the year', () => {
  expect(formatDate(NOW - 86_400_000, NOW, 'UTC')).toBe('22 Nov 12:00')
  expect(formatDate(Date.UTC(2025, 0, 2, 3, 4), NOW, 'UTC')).toBe('2 Jan 2025 03:04')
})

test('which day is today depends on the viewer’s zone', () => {
  expect(formatDate(Date.UTC(2026, 10, 22, 23, 30), NOW, 'UTC')).toBe('22 Nov 23:30')
  expect(formatDate(Date.UTC(2026, 10, 22, 23, 30), NOW, 'Europe/Berlin')).toBe('00:30:00')
})

test('UTC times have milliseconds', () => {
  expect(formatUtc(NOW + 7)).toBe('2026-11-23 12:00:00.007 UTC')
})

test.each([
  ['-90s', '2026-11-23T11:58:30.000Z', '90 seconds ago'],
  ['-15m', '2026-11-23T11:45:00.000Z', '15 minutes ago'],
  ['-24h', '2026-11-22T12:00:00.000Z', '24 hours ago'],
  ['-1d', '2026-11-22T12:00:00.000Z', '1 day ago'],
  ['-1w', '2026-11-16T12:00:00.000Z', '1 week ago'],
  ['-2w', '2026-11-09T12:00:00.000Z', '2 weeks ago'],
])('%s is %s', (text, time, name) => {
  expect(isDate(text)).toBe(true)
  expect(resolveDate(text, NOW)).toBe(time)
  expect(nameDate(text)).toBe(name)
})

test.each(['', '-1', '-1y', '1w', '-w', '-100000s', '--1d', '2026-13-01T00:00:00Z', '2026-11-01'])(
  '%s is no date',
  (text) => {
    expect(isDate(text)).toBe(false)
  },
)
test('the time of a log line has milliseconds, and its date where the log has several', () => {
  const time = Date.parse('2026-11-27T01:00:00.120Z')

  expect(formatLogTime(time, false, 'UTC')).toBe('01:00:00.120')
  expect(formatLogTime(time, true, 'UTC')).toBe('27 Nov 01:00:00.120')
  expect(areOneDay([time, time + 3_600_000], 'UTC')).toBe(true)
  expect(areOneDay([time, time + 86_400_000], 'UTC')).toBe(false)
})

test('an absolute date is named in a time zone, and with its name', () => {
  expect(nameDate('2026-11-01T10:30:00Z', 'UTC')).toBe('2026-11-01 10:30 UTC')
  expect(nameDate('2026-11-01T10:30:05.5Z', 'Asia/Tokyo')).toBe('2026-11-01 19:30:05 GMT+9')
  expect(nameDate('2026-11-01T23:30:00Z', 'Europe/Berlin')).toBe('2026-11-02 00:30 CET')
})

test('time zones have names, and offsets that follow daylight saving', () => {
  expect(['UTC', 'Europe/Berlin', 'Asia/Ho_Chi_Minh'].map(isZone)).toEqual([true, true, true])
  expect(['', '+01:00', 'Mars/Olympus', 'local'].map(isZone)).toEqual([false, false, false, false])
  expect(offsetAt(Date.parse('2026-07-01T00:00:00.5Z'), 'Europe/Berlin')).toBe(7_200_000)
  expect(offsetAt(Date.parse('2026-12-01T00:00:00Z'), 'Europe/Berlin')).toBe(3_600_000)
})
