import { expect, test } from 'vitest'
import { buildAuthorizationUrl, readCallback, toBase64Url } from './authorizationCode.ts'

const ISSUER = 'https://issuer.example'
const PENDING = { state: 's1', verifier: 'v1', returnTo: '/', issuer: ISSUER, namesIssuer: false }
const NAMED = { ...PENDING, namesIssuer: true }
const OURS = encodeURIComponent(ISSUER)

test('the URL of the issuer requests a code, with a challenge and a state', () => {
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

test('a response without an issuer has a code', () => {
  expect(readCallback('?code=abc&state=s1', PENDING)).toEqual({ code: 'abc', issuer: null })
})

test.each([PENDING, NAMED])('a response from the expected issuer has a code', (pending) => {
  expect(readCallback(`?code=abc&state=s1&iss=${OURS}`, pending)).toEqual({ code: 'abc', issuer: ISSUER })
})

test.each([
  ['?code=abc&state=s2', PENDING, 'did not start in this tab'],
  ['?code=abc', PENDING, 'did not start in this tab'],
  ['?code=abc&state=s1', null, 'did not start in this tab'],
  ['?error=access_denied&state=s1', PENDING, 'denied the sign-in'],
  ['?error=server_error&state=s1', PENDING, 'failed at the issuer (server_error)'],
  ['?state=s1', PENDING, 'returned no code'],
  ['?code=abc&state=s1', NAMED, 'does not name its issuer'],
  ['?error=access_denied&state=s1', NAMED, 'does not name its issuer'],
  ['?code=abc&state=s1&iss=', PENDING, 'from a different issuer'],
  ['?code=abc&state=s1&iss=https://evil.example', PENDING, 'from a different issuer'],
  ['?code=abc&state=s1&iss=https://evil.example', NAMED, 'from a different issuer'],
  ['?error=access_denied&state=s1&iss=https://evil.example', PENDING, 'from a different issuer'],
  [`?code=abc&state=s1&iss=${OURS}/`, NAMED, 'from a different issuer'],
  [`?code=abc&state=s1&iss=${OURS}&iss=https://evil.example`, NAMED, 'from a different issuer'],
  [`?code=abc&state=s1&iss=${OURS}&iss=${OURS}`, NAMED, 'from a different issuer'],
])('%s has no code, and the error says why', (search, pending, message) => {
  expect(() => readCallback(search, pending)).toThrow(message)
})

test('bytes are encoded as unpadded base64url', () => {
  expect(toBase64Url(new Uint8Array([251, 255, 254, 1]))).toBe('-__-AQ')
})
