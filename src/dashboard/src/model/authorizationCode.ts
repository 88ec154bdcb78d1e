import { messages } from '../messages/messages.ts'

/** The state of a sign-in that has begun: RFC 6749 (state), RFC 7636 (verifier) and RFC 9207 (issuer). */
export interface PendingSignIn {
  state: string
  verifier: string
  issuer: string
  /** Whether the issuer promises to name itself in each response (`iss`). */
  namesIssuer: boolean
  /** The path in the dashboard to return to. */
  returnTo: string
}

/** An authorization request: the issuer's endpoint and our parameters. */
export interface AuthorizationRequest {
  endpoint: string
  clientId: string
  redirectUri: string
  state: string
  challenge: string
}

/** The URL of the issuer that the browser is sent to. */
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

/** The parameters of a successful authorization response. */
export interface AuthorizationResponse {
  code: string
  /** The issuer that the response names; null when it names none. */
  issuer: string | null
}

/**
 * Reads the authorization response in `search`, the query of the callback's URL.
 *
 * @throws Error with a message for people when there is no code to be trusted.
 */
export function readCallback(search: string, pending: PendingSignIn | null): AuthorizationResponse {
  const words = messages.session
  const query = new URLSearchParams(search)
  // A response that nobody here requested may come from an attacker (RFC 6749, section 10.12).
  if (query.get('state') !== pending?.state) {
    throw new Error(words.foreign)
  }
  // Before anything else is read: another issuer's error is not ours either (RFC 9207, section 2.4).
  const issuers = query.getAll('iss')
  if (issuers.some((each) => each !== pending.issuer) || issuers.length > 1) {
    throw new Error(words.otherIssuer)
  }
  const issuer = issuers[0] ?? null
  if (issuer === null && pending.namesIssuer) {
    throw new Error(words.noIssuer)
  }
  const error = query.get('error')
  if (error === 'access_denied') throw new Error(words.denied)
  if (error !== null) throw new Error(words.issuerFailed(error))
  const code = query.get('code')
  if (code === null || code === '') throw new Error(words.noCode)
  return { code, issuer }
}

/** `bytes` as unpadded base64url (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}
