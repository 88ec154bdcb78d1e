import { expect, test } from 'vitest'
import { nameRange, printLocal, readLocal } from './timeRange.ts'

test('a range has a name, with the zone of its times', () => {
  expect(nameRange(null, null)).toBe('Any time')
  expect(nameRange('-24h', null)).toBe('Last 24 hours')
  expect(nameRange('-1h', null)).toBe('Last hour')
  expect(nameRange('2026-11-01T10:00:00Z', null, 'UTC')).toBe('2026-11-01 10:00 UTC – now')
  expect(nameRange('2026-11-01T10:00:00Z', '2026-11-02T00:00:00Z', 'UTC')).toBe(
    '2026-11-01 10:00 UTC – 2026-11-02 00:00 UTC',
  )
  expect(nameRange(null, '-7d')).toBe('… – 7 days ago')
})

test('a time that is entered in a zone is read in it', () => {
  expect(readLocal('2026-11-01T10:00', 'UTC')).toBe('2026-11-01T10:00:00Z')
  expect(readLocal('2026-11-01T10:00', 'Europe/Berlin')).toBe('2026-11-01T09:00:00Z')
  // The clocks of New York go back at 06:00 UTC on that day.
  expect(readLocal('2026-11-01T00:30', 'America/New_York')).toBe('2026-11-01T04:30:00Z')
  expect(readLocal('2026-11-01T03:30', 'America/New_York')).toBe('2026-11-01T08:30:00Z')
  expect(readLocal('', 'UTC')).toBeNull()
  expect(printLocal('2026-11-01T10:00:05Z', 'Asia/Tokyo')).toBe('2026-11-01T19:00:05')
  for (const zone of ['UTC', 'Asia/Kolkata', undefined]) {
    expect(readLocal(printLocal('2026-11-01T10:00:05Z', zone), zone)).toBe('2026-11-01T10:00:05Z')
  }
})
