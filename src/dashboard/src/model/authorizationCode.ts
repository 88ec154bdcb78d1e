/** What a page must remember while somebody signs in: RFC 6749 (state), RFC 7636 (verifier) and RFC 9207 (issuer). */
export interface PendingSignIn {
  state: string
  verifier: string
  issuer: string
  /** Whether the issuer says that every answer of its own names it. */
  namesIssuer: boolean
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

/** What an issuer came back with. */
export interface AuthorizationResponse {
  code: string
  /** Whom it says it is from; null when it does not say. */
  issuer: string | null
}

/** What the issuer came back with; raises an `Error` with a sentence when there is no code to be trusted. */
export function readCallback(search: string, pending: PendingSignIn | null): AuthorizationResponse {
  const query = new URLSearchParams(search)
  // Whoever made this browser come here without having begun is not who is signing in.
  if (query.get('state') !== pending?.state) {
    throw new Error('This sign-in was not begun in this tab, or was finished already. Sign in again.')
  }
  // Before anything else is read: an error of somebody else's is not our issuer's either (RFC 9207, section 2.4).
  const issuers = query.getAll('iss')
  if (issuers.some((each) => each !== pending.issuer) || issuers.length > 1) {
    throw new Error('What you came back with is from another issuer than this server’s. Sign in again.')
  }
  const issuer = issuers[0] ?? null
  if (issuer === null && pending.namesIssuer) {
    throw new Error('What you came back with does not say which issuer it is from. Sign in again.')
  }
  const error = query.get('error')
  if (error === 'access_denied') throw new Error('The issuer did not let you sign in.')
  if (error !== null) throw new Error(`The issuer could not sign you in (${error}). Try again.`)
  const code = query.get('code')
  if (code === null || code === '') throw new Error('The issuer came back without a code. Try again.')
  return { code, issuer }
}

/** `bytes` as unpadded base64url (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}
