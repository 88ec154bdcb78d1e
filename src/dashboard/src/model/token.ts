/** Claims of a token, unverified: only the server verifies tokens. */
export interface TokenClaims {
  subject: string
  tenant: string | null
  /** Milliseconds since 1970; null for a token that does not expire. */
  expiresAt: number | null
}

/** The claims of `token`, unverified; null when it is not a JWT. */
export function readClaims(token: string): TokenClaims | null {
  const segments = token.trim().split('.')
  if (segments.length !== 3) return null
  const claims = decodeObject(segments[1] ?? '')
  if (claims === null) return null
  const { sub, exp } = claims
  const tenant = claims.tenant_id ?? claims.tenant
  return {
    subject: typeof sub === 'string' ? sub : '',
    tenant: typeof tenant === 'string' ? tenant : null,
    expiresAt: typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : null,
  }
}

function decodeObject(base64url: string): Record<string, unknown> | null {
  try {
    const bytes = Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
