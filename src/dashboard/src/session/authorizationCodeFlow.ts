import { messages } from '../messages/messages.ts'
import { buildAuthorizationUrl, readCallback, toBase64Url, type PendingSignIn } from '../model/authorizationCode.ts'
import { SIGN_IN_CALLBACK_PATH } from '../model/paths.ts'

const PENDING = 'execution-monitor.pending-sign-in'

/** The issuer, as the server describes it. */
interface AuthorizationServer {
  endpoint: string
  clientId: string
  issuer: string
  namesIssuer: boolean
}

/** Redirects to the issuer, which redirects back to `SIGN_IN_CALLBACK_PATH`. */
export async function beginSignIn(): Promise<void> {
  // Browsers offer crypto.subtle in secure contexts only.
  if (!window.isSecureContext) throw new Error(messages.session.needsHttps)
  const { endpoint, clientId, issuer, namesIssuer } = await fetchJson<AuthorizationServer>('/sign-in/issuer')
  const verifier = toBase64Url(crypto.getRandomValues(new Uint8Array(32)))
  const state = toBase64Url(crypto.getRandomValues(new Uint8Array(16)))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const pending: PendingSignIn = {
    state,
    verifier,
    issuer,
    namesIssuer,
    returnTo: location.pathname + location.search,
  }
  sessionStorage.setItem(PENDING, JSON.stringify(pending))
  location.assign(
    buildAuthorizationUrl({
      endpoint,
      clientId,
      redirectUri: location.origin + SIGN_IN_CALLBACK_PATH,
      state,
      challenge: toBase64Url(new Uint8Array(digest)),
    }),
  )
}

/** Redeems the code that the issuer returned: the token, and the path in the dashboard to return to. */
export async function finishSignIn(): Promise<{ token: string; returnTo: string }> {
  const saved = sessionStorage.getItem(PENDING)
  sessionStorage.removeItem(PENDING)
  const pending = saved === null ? null : (JSON.parse(saved) as PendingSignIn)
  const { code, issuer } = readCallback(location.search, pending)
  const { token } = await fetchJson<{ token: string }>('/sign-in/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      code,
      verifier: pending?.verifier,
      redirectUri: location.origin + SIGN_IN_CALLBACK_PATH,
      issuer,
    }),
  })
  const returnTo = pending === null || pending.returnTo.startsWith(SIGN_IN_CALLBACK_PATH) ? '/' : pending.returnTo
  return { token, returnTo }
}

async function fetchJson<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init).catch(() => {
    throw new Error(messages.session.unreachable)
  })
  const body = (await response.json()) as T & { detail?: string }
  if (!response.ok) throw new Error(body.detail ?? messages.session.status(response.status))
  return body
}
