import { useState, useSyncExternalStore } from 'react'
import { useMediaQuery } from '../components/useMediaQuery.ts'

const FACETS = 'execution-monitor.facets'
const HISTOGRAM = 'execution-monitor.histogram'
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

/**
 * Whether the facets are shown: beside the list as was chosen, or where there is room for them beside all columns; over the
 * list of a phone (`isSheet`) only when somebody opens them.
 */
export function useShowsFacets(isSheet: boolean): [isShown: boolean, show: (isShown: boolean) => void] {
  const [isOpen, setOpen] = useState(false)
  const chosen = useSyncExternalStore(subscribe, () => localStorage.getItem(FACETS))
  const hasRoom = useMediaQuery('(min-width: 1440px)')
  if (isSheet) return [isOpen, setOpen]
  return [chosen === null ? hasRoom : chosen === 'yes', (isShown) => save(FACETS, isShown ? 'yes' : 'no')]
}

/** Whether the histogram is shown above the list: as was chosen, or where it leaves room for rows. */
export function useShowsHistogram(): [isShown: boolean, show: (isShown: boolean) => void] {
  const chosen = useSyncExternalStore(subscribe, () => localStorage.getItem(HISTOGRAM))
  const hasRoom = useMediaQuery('(min-width: 641px) and (min-height: 600px)')
  return [chosen === null ? hasRoom : chosen === 'yes', (isShown) => save(HISTOGRAM, isShown ? 'yes' : 'no')]
}

/** Whether the list shows new executions at once. */
export function useShowsNewAtOnce(): boolean {
  return useSyncExternalStore(subscribe, () => localStorage.getItem(SHOW_NEW) === 'yes')
}

/** Sets whether the list shows new executions at once, or after a click. */
export function setShowsNewAtOnce(atOnce: boolean): void {
  save(SHOW_NEW, atOnce ? 'yes' : 'no')
}
