import { useSyncExternalStore } from 'react'

/** A view that somebody has given a name: the query of its address. */
export interface SavedView {
  name: string
  query: string
}

const VIEWS = 'execution-monitor.views'
const JOINING = 'execution-monitor.joins-at-once'
const listeners = new Set<() => void>()

function follow(listener: () => void): () => void {
  listeners.add(listener)
  window.addEventListener('storage', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', listener)
  }
}

function keep(key: string, value: string): void {
  localStorage.setItem(key, value)
  listeners.forEach((tell) => tell())
}

/** The views that are kept in this browser, by name. */
export function useSavedViews(): SavedView[] {
  return parseViews(useSyncExternalStore(follow, () => localStorage.getItem(VIEWS) ?? '[]'))
}

/** Keeps `view`, in place of another of its name. */
export function saveView(view: SavedView): void {
  const others = readViews().filter((each) => each.name !== view.name)
  keep(VIEWS, JSON.stringify([...others, view].sort((left, right) => left.name.localeCompare(right.name))))
}

/** Forgets the view of this name. */
export function forgetView(name: string): void {
  keep(VIEWS, JSON.stringify(readViews().filter((view) => view.name !== name)))
}

/** Whether new executions join the list by themselves. */
export function useJoinsAtOnce(): boolean {
  return useSyncExternalStore(follow, () => localStorage.getItem(JOINING) === 'yes')
}

/** Lets new executions join by themselves, or wait for a click. */
export function chooseJoining(atOnce: boolean): void {
  keep(JOINING, atOnce ? 'yes' : 'no')
}

function readViews(): SavedView[] {
  return parseViews(localStorage.getItem(VIEWS) ?? '[]')
}

function parseViews(text: string): SavedView[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.filter(isSavedView) : []
  } catch {
    return []
  }
}

function isSavedView(value: unknown): value is SavedView {
  const view = value as Partial<SavedView> | null
  return typeof view?.name === 'string' && typeof view.query === 'string'
}
