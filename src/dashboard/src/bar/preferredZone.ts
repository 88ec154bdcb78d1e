import { useSyncExternalStore } from 'react'
import { isZone } from '../model/dates.ts'

const KEY = 'execution-monitor.zone'
const listeners = new Set<() => void>()

/** The time zone that was chosen last in this browser; null for the browser's own. */
export function usePreferredZone(): string | null {
  return useSyncExternalStore(subscribe, read)
}

/** Keeps `zone` for pages whose address has none; null for the browser's own. */
export function chooseZone(zone: string | null): void {
  if (zone === null) localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, zone)
  listeners.forEach((notify) => notify())
}

function read(): string | null {
  const zone = localStorage.getItem(KEY)
  return zone !== null && isZone(zone) ? zone : null
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
