import { expect, test } from 'vitest'
import { buildAuthorizationUrl, readCallback, toBase64Url } from './authorization.ts'

const PENDING = { state: 's1', verifier: 'v1', returnTo: '/' }

test('the issuer is asked for a code, with a challenge and a state', () => {
  const url = new URL(
    buildAuthorizationUrl({
      endpoint: 'https://issuer.example/authorize?tenant=7',
      clientId: 'dashboard',
      redirectUri: 'https://monitor.example/signed-in',
      state: 's1',
      challenge: 'c1',
    }),
  )

  expect(url.origin + url.pathname).toBe('https://issuer.example/authorize')
  expect(Object.fromEntries(url.searchParams)).toEqual({
    tenant: '7',
    response_type: 'code',
    client_id: 'dashboard',
    redirect_uri: 'https://monitor.example/signed-in',
    scope: 'openid',
    state: 's1',
    code_challenge: 'c1',
    code_challenge_method: 'S256',
  })
})

test('a code comes back', () => {
  expect(readCallback('?code=abc&state=s1', PENDING)).toBe('abc')
})

test.each([
  ['?code=abc&state=s2', PENDING, 'not begun in this tab'],
  ['?code=abc', PENDING, 'not begun in this tab'],
  ['?code=abc&state=s1', null, 'not begun in this tab'],
  ['?error=access_denied&state=s1', PENDING, 'did not let you sign in'],
  ['?error=server_error&state=s1', PENDING, 'could not sign you in (server_error)'],
  ['?state=s1', PENDING, 'without a code'],
])('%s brings no code, and says why', (search, pending, sentence) => {
  expect(() => readCallback(search, pending)).toThrow(sentence)
})

test('bytes are spelt for addresses', () => {
  expect(toBase64Url(new Uint8Array([251, 255, 254, 1]))).toBe('-__-AQ')
})
