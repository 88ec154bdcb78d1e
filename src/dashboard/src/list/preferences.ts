import { useSyncExternalStore } from 'react'

const SHOW_NEW = 'execution-monitor.joins-at-once'
const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  window.addEventListener('storage', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', listener)
  }
}

function save(key: string, value: string): void {
  localStorage.setItem(key, value)
  listeners.forEach((notify) => notify())
}

/** Whether the list shows new executions at once. */
export function useShowsNewAtOnce(): boolean {
  return useSyncExternalStore(subscribe, () => localStorage.getItem(SHOW_NEW) === 'yes')
}

/** Sets whether the list shows new executions at once, or after a click. */
export function setShowsNewAtOnce(atOnce: boolean): void {
  save(SHOW_NEW, atOnce ? 'yes' : 'no')
}
