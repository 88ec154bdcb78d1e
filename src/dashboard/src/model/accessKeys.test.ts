import { expect, test } from 'vitest'
import { expiryAfter, scopesForKeys, stateOf } from './accessKeys.ts'

const NOON = Date.parse('2026-11-01T12:00:00Z')

test('a key is valid until it expires or is revoked', () => {
  const key = { expiresAt: '2026-11-01T12:00:00.001Z', revokedAt: null }

  expect(stateOf(key, NOON)).toBe('valid')
  expect(stateOf(key, NOON + 1)).toBe('expired')
  expect(stateOf({ ...key, revokedAt: '2026-10-01T12:00:00Z' }, NOON + 1)).toBe('revoked')
})

test('a key expires so many days from now', () => {
  expect(expiryAfter(30, NOON)).toBe('2026-12-01T12:00:00.000Z')
})

test('a key is offered what its maker may do and a key may have', () => {
  expect(scopesForKeys(['executions:read', 'manage', 'executions:write', 'executions:payload'])).toEqual([
    'executions:write',
    'executions:read',
  ])
})
