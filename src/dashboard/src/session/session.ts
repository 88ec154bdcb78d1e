import { useSyncExternalStore } from 'react'

/** Who asks: the token, and why there is none any more. */
export interface Session {
  token: string | null
  /** A sentence for whoever has to sign in again. */
  notice: string | null
}

const KEY = 'execution-monitor.token'

let current: Session | undefined
const listeners = new Set<() => void>()

function read(): Session {
  // GraphiQL is another page and people open new tabs: the token is kept for all of this origin.
  current ??= { token: localStorage.getItem(KEY), notice: null }
  return current
}

function change(next: Session): void {
  current = next
  if (next.token === null) localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, next.token)
  listeners.forEach((tell) => tell())
}

function follow(listener: () => void): () => void {
  const onStorage = (event: StorageEvent): void => {
    if (event.key !== KEY) return
    current = { token: event.newValue, notice: event.newValue === null ? 'You signed out in another tab.' : null }
    listener()
  }
  listeners.add(listener)
  window.addEventListener('storage', onStorage)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', onStorage)
  }
}

/** The session of this browser, in every tab. */
export function useSession(): Session {
  return useSyncExternalStore(follow, read)
}

/** The token of this browser; null when nobody is signed in. */
export function readToken(): string | null {
  return read().token
}

/** Goes on as whoever `token` is for. */
export function signIn(token: string): void {
  change({ token: token.trim(), notice: null })
}

/** Forgets the token; `notice` says why, when it was not asked for. */
export function signOut(notice: string | null = null): void {
  change({ token: null, notice })
}
