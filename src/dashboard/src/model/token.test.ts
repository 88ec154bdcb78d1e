import { expect, test } from 'vitest'
import { readClaims } from './token.ts'

function tokenOf(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
}

test('a token tells its subject, its tenant and its end', () => {
  expect(readClaims(tokenOf({ sub: 'ådä ✓', tenant_id: 'acme', exp: 1_800_000_000 }))).toEqual({
    subject: 'ådä ✓',
    tenant: 'acme',
    expiresAt: 1_800_000_000_000,
  })
})

test('what a token leaves out is missing', () => {
  expect(readClaims(tokenOf({}))).toEqual({ subject: '', tenant: null, expiresAt: null })
})

test.each(['', 'a.b', 'a.b.c', 'a.!!.c', `a.${btoa('[1]')}.c`, `a.${btoa('null')}.c`])('%j is no token', (text) => {
  expect(readClaims(text)).toBeNull()
})
