import { useSyncExternalStore } from 'react'
import { messages } from '../messages/messages.ts'

/** The token of the signed-in user, or why there is none. */
export interface Session {
  token: string | null
  /** Why the session ended, for the sign-in page. */
  notice: string | null
}

const KEY = 'execution-monitor.token'

let current: Session | undefined
const listeners = new Set<() => void>()

function read(): Session {
  // In localStorage, since GraphiQL and other tabs use the same token.
  current ??= { token: localStorage.getItem(KEY), notice: null }
  return current
}

function change(next: Session): void {
  current = next
  if (next.token === null) localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, next.token)
  listeners.forEach((notify) => notify())
}

function subscribe(listener: () => void): () => void {
  const onStorage = (event: StorageEvent): void => {
    if (event.key !== KEY) return
    current = { token: event.newValue, notice: event.newValue === null ? messages.session.signedOutElsewhere : null }
    listener()
  }
  listeners.add(listener)
  window.addEventListener('storage', onStorage)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', onStorage)
  }
}

/** The session of this browser, the same in every tab. */
export function useSession(): Session {
  return useSyncExternalStore(subscribe, read)
}

/** Whether someone is signed in. */
export function isSignedIn(): boolean {
  return read().token !== null
}

/** Whether `token` is still that of the session. */
export function isSessionOf(token: string | null): boolean {
  return token !== null && read().token === token
}

/** Signs in with `token`. */
export function signIn(token: string): void {
  change({ token: token.trim(), notice: null })
}

/** Removes the token; `notice` says why, unless the user signed out. */
export function signOut(notice: string | null = null): void {
  change({ token: null, notice })
}
