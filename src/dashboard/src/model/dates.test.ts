import { expect, test } from 'vitest'
import { formatAge, formatDate, formatUtc } from './dates.ts'

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0)

test.each([
  [NOW, 'just now'],
  [NOW - 12_000, '12 s ago'],
  [NOW - 5 * 60_000, '5 m ago'],
  [NOW - 47 * 3_600_000, '47 h ago'],
  [NOW - 72 * 3_600_000, '3 d ago'],
  [NOW + 120_000, 'in 2 m'],
])('%d is %s', (instant, text) => {
  expect(formatAge(instant, NOW)).toBe(text)
})

test('a moment of today is its time, in the zone of the viewer', () => {
  expect(formatDate(NOW - 1000, NOW, 'UTC')).toBe('11:59:59')
  expect(formatDate(NOW - 1000, NOW, 'Asia/Tokyo')).toBe('20:59:59')
})

test('a moment of another day names the day, and of another year the year', () => {
  expect(formatDate(NOW - 86_400_000, NOW, 'UTC')).toBe('22 Nov 12:00')
  expect(formatDate(Date.UTC(2025, 0, 2, 3, 4), NOW, 'UTC')).toBe('2 Jan 2025 03:04')
})

test('yesterday in the zone of the viewer is not today', () => {
  expect(formatDate(Date.UTC(2026, 10, 22, 23, 30), NOW, 'UTC')).toBe('22 Nov 23:30')
  expect(formatDate(Date.UTC(2026, 10, 22, 23, 30), NOW, 'Europe/Berlin')).toBe('00:30:00')
})

test('the exact instant is in UTC to the millisecond', () => {
  expect(formatUtc(NOW + 7)).toBe('2026-11-23 12:00:00.007 UTC')
})
