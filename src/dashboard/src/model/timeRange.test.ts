import { expect, test } from 'vitest'
import { nameRange, printLocal, readLocal } from './timeRange.ts'

test('a range has a name, with the zone of its times', () => {
  expect(nameRange(null, null)).toBe('Any time')
  expect(nameRange('-24h', null)).toBe('Last 24 hours')
  expect(nameRange('-1h', null)).toBe('Last hour')
  expect(nameRange('2026-11-01T10:00:00Z', null)).toBe('2026-11-01 10:00 UTC – now')
  expect(nameRange('2026-11-01T10:00:00Z', '2026-11-02T00:00:00Z')).toBe('2026-11-01 10:00 UTC – 2026-11-02 00:00 UTC')
  expect(nameRange(null, '-7d')).toBe('… – 7 days ago')
})

test('a time that is entered in a zone is read in it', () => {
  expect(readLocal('2026-11-01T10:00', 'UTC')).toBe('2026-11-01T10:00:00Z')
  expect(readLocal('', 'UTC')).toBeNull()
  for (const zone of ['UTC', 'local'] as const) {
    expect(readLocal(printLocal('2026-11-01T10:00:05Z', zone), zone)).toBe('2026-11-01T10:00:05Z')
  }
})
