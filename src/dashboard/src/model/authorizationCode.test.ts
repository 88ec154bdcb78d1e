import { expect, test } from 'vitest'
import { buildAuthorizationUrl, readCallback, toBase64Url } from './authorizationCode.ts'

const ISSUER = 'https://issuer.example'
const PENDING = { state: 's1', verifier: 'v1', returnTo: '/', issuer: ISSUER, namesIssuer: false }
const NAMED = { ...PENDING, namesIssuer: true }
const OURS = encodeURIComponent(ISSUER)

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
  expect(readCallback('?code=abc&state=s1', PENDING)).toEqual({ code: 'abc', issuer: null })
})

test.each([PENDING, NAMED])('a code comes back from whom it says it is from', (pending) => {
  expect(readCallback(`?code=abc&state=s1&iss=${OURS}`, pending)).toEqual({ code: 'abc', issuer: ISSUER })
})

test.each([
  ['?code=abc&state=s2', PENDING, 'not begun in this tab'],
  ['?code=abc', PENDING, 'not begun in this tab'],
  ['?code=abc&state=s1', null, 'not begun in this tab'],
  ['?error=access_denied&state=s1', PENDING, 'did not let you sign in'],
  ['?error=server_error&state=s1', PENDING, 'could not sign you in (server_error)'],
  ['?state=s1', PENDING, 'without a code'],
  ['?code=abc&state=s1', NAMED, 'does not say which issuer'],
  ['?error=access_denied&state=s1', NAMED, 'does not say which issuer'],
  ['?code=abc&state=s1&iss=', PENDING, 'from another issuer'],
  ['?code=abc&state=s1&iss=https://evil.example', PENDING, 'from another issuer'],
  ['?code=abc&state=s1&iss=https://evil.example', NAMED, 'from another issuer'],
  ['?error=access_denied&state=s1&iss=https://evil.example', PENDING, 'from another issuer'],
  [`?code=abc&state=s1&iss=${OURS}/`, NAMED, 'from another issuer'],
  [`?code=abc&state=s1&iss=${OURS}&iss=https://evil.example`, NAMED, 'from another issuer'],
  [`?code=abc&state=s1&iss=${OURS}&iss=${OURS}`, NAMED, 'from another issuer'],
])('%s brings no code, and says why', (search, pending, sentence) => {
  expect(() => readCallback(search, pending)).toThrow(sentence)
})

test('bytes are spelt for addresses', () => {
  expect(toBase64Url(new Uint8Array([251, 255, 254, 1]))).toBe('-__-AQ')
})
