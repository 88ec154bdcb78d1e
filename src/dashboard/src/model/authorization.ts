/** What a page must remember while somebody signs in at an issuer: RFC 6749 (state) and RFC 7636 (verifier). */
export interface PendingSignIn {
  state: string
  verifier: string
  /** Where in the dashboard to go on. */
  returnTo: string
}

/** Where an issuer answers, and who we are there. */
export interface AuthorizationRequest {
  endpoint: string
  clientId: string
  redirectUri: string
  state: string
  challenge: string
}

/** The address at the issuer that somebody is sent to. */
export function buildAuthorizationUrl(request: AuthorizationRequest): string {
  const url = new URL(request.endpoint)
  const parameters = {
    response_type: 'code',
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    scope: 'openid',
    state: request.state,
    code_challenge: request.challenge,
    code_challenge_method: 'S256',
  }
  Object.entries(parameters).forEach(([name, value]) => url.searchParams.set(name, value))
  return url.href
}

/** The code that the issuer came back with; raises an `Error` with a sentence when there is none to be trusted. */
export function readCallback(search: string, pending: PendingSignIn | null): string {
  const query = new URLSearchParams(search)
  // Whoever made this browser come here without having begun is not who is signing in.
  if (query.get('state') !== pending?.state) {
    throw new Error('This sign-in was not begun in this tab, or was finished already. Sign in again.')
  }
  const error = query.get('error')
  if (error === 'access_denied') throw new Error('The issuer did not let you sign in.')
  if (error !== null) throw new Error(`The issuer could not sign you in (${error}). Try again.`)
  const code = query.get('code')
  if (code === null || code === '') throw new Error('The issuer came back without a code. Try again.')
  return code
}

/** `bytes` as unpadded base64url (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}
