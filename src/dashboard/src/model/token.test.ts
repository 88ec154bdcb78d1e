import { expect, test } from 'vitest'
import { readClaims } from './token.ts'

function tokenOf(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
}

test('the subject, tenant and expiry of a token are read', () => {
  expect(readClaims(tokenOf({ sub: 'ådä ✓', tenant_id: 'acme', exp: 1_800_000_000 }))).toEqual({
    subject: 'ådä ✓',
    tenant: 'acme',
    expiresAt: 1_800_000_000_000,
  })
})

test('missing claims are empty or null', () => {
  expect(readClaims(tokenOf({}))).toEqual({ subject: '', tenant: null, expiresAt: null })
})

test.each(['', 'a.b', 'a.b.c', 'a.!!.c', `a.${btoa('[1]')}.c`, `a.${btoa('null')}.c`])('%j is not a token', (text) => {
  expect(readClaims(text)).toBeNull()
})

test.each([
  [{ tenant: 'globex' }, 'globex'],
  [{ tenant: 'globex', tenant_id: 'acme' }, 'acme'],
  [{ tenant_id: 7, tenant: 'globex' }, null],
])('the tenant of %j is %j, as the server reads it', (claims, tenant) => {
  expect(readClaims(tokenOf(claims))?.tenant).toBe(tenant)
})
