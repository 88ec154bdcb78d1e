/** What a token says about itself. The server alone decides whether it is true. */
export interface TokenClaims {
  subject: string
  tenant: string | null
  /** Milliseconds since 1970; null for a token that names no end. */
  expiresAt: number | null
}

/** The claims of a JWT; null when `token` is none. Nothing is verified here. */
export function readClaims(token: string): TokenClaims | null {
  const parts = token.trim().split('.')
  if (parts.length !== 3) return null
  const claims = decodeObject(parts[1] ?? '')
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
