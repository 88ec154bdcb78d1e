const DAY = 24 * 60 * 60 * 1000

/** How long a new key may be valid, in days. */
export const LIFETIMES = [7, 30, 90, 180, 365] as const

export type Lifetime = (typeof LIFETIMES)[number]

/** What a key may be allowed to do. */
export const KEY_SCOPES = ['executions:write', 'executions:read', 'executions:control'] as const

export type KeyScope = (typeof KEY_SCOPES)[number]

export type KeyState = 'valid' | 'expired' | 'revoked'

/** The state of a key at `now` (milliseconds). */
export function stateOf(key: { expiresAt: string; revokedAt: string | null }, now: number): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  return Date.parse(key.expiresAt) <= now ? 'expired' : 'valid'
}

/** When a key that is made at `now` (milliseconds) expires, as the API takes it. */
export function expiryAfter(days: Lifetime, now: number): string {
  return new Date(now + days * DAY).toISOString()
}

/** Those of `scopes` that a key may have, in the order in which they are offered. */
export function scopesForKeys(scopes: readonly string[]): KeyScope[] {
  return KEY_SCOPES.filter((scope) => scopes.includes(scope))
}
