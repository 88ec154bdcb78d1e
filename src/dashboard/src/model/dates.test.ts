import { expect, test } from 'vitest'
import { areOneDay, formatAge, formatDate, formatLogTime, formatUtc } from './dates.ts'

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

test('the time of a log line has milliseconds, and its date where the log has several', () => {
  const time = Date.parse('2026-11-27T01:00:00.120Z')

  expect(formatLogTime(time, false, 'UTC')).toBe('01:00:00.120')
  expect(formatLogTime(time, true, 'UTC')).toBe('27 Nov 01:00:00.120')
  expect(areOneDay([time, time + 3_600_000], 'UTC')).toBe(true)
  expect(areOneDay([time, time + 86_400_000], 'UTC')).toBe(false)
})
