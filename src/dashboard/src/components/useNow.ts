import { useSyncExternalStore } from 'react'

const SECOND = 1000
const listeners = new Set<() => void>()
let timer: number | undefined
let now = Date.now()

function tick(): void {
  now = Date.now()
  listeners.forEach((tell) => tell())
}

function follow(listener: () => void): () => void {
  if (listeners.size === 0) timer = window.setInterval(tick, SECOND)
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) window.clearInterval(timer)
  }
}

/** The time in milliseconds, anew each second: one clock for all that ticks on the page. */
export function useNow(): number {
  return useSyncExternalStore(follow, () => now)
}
