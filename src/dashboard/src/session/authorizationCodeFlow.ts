import { buildAuthorizationUrl, readCallback, toBase64Url, type PendingSignIn } from '../model/authorizationCode.ts'

/** Where issuers send people back to. */
export const CALLBACK = '/signed-in'

const PENDING = 'execution-monitor.pending-sign-in'

/** What the server tells of the issuer. */
interface AuthorizationServer {
  endpoint: string
  clientId: string
  issuer: string
  namesIssuer: boolean
}

/** Leaves for the issuer; it comes back to `CALLBACK`. */
export async function beginSignIn(): Promise<void> {
  // Browsers know no digests on pages that came over plain HTTP from elsewhere.
  if (!window.isSecureContext) throw new Error('Signing in needs https, so that nobody in between learns of it.')
  const { endpoint, clientId, issuer, namesIssuer } = await ask<AuthorizationServer>('/sign-in/issuer')
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
      redirectUri: location.origin + CALLBACK,
      state,
      challenge: toBase64Url(new Uint8Array(digest)),
    }),
  )
}

/** Finishes what `beginSignIn` began: the token, and where in the dashboard to go on. */
export async function finishSignIn(): Promise<{ token: string; returnTo: string }> {
  const kept = sessionStorage.getItem(PENDING)
  sessionStorage.removeItem(PENDING)
  const pending = kept === null ? null : (JSON.parse(kept) as PendingSignIn)
  const { code, issuer } = readCallback(location.search, pending)
  const { token } = await ask<{ token: string }>('/sign-in/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, verifier: pending?.verifier, redirectUri: location.origin + CALLBACK, issuer }),
  })
  const returnTo = pending === null || pending.returnTo.startsWith(CALLBACK) ? '/' : pending.returnTo
  return { token, returnTo }
}

async function ask<T>(address: string, request?: RequestInit): Promise<T> {
  const answer = await fetch(address, request).catch(() => {
    throw new Error('The server cannot be reached. Try again.')
  })
  const body = (await answer.json()) as T & { detail?: string }
  if (!answer.ok) throw new Error(body.detail ?? `The server answers with status ${answer.status}.`)
  return body
}
