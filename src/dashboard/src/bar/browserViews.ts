import { listPath } from '../model/paths.ts'
import type { NamedAddress } from '../model/savedViews.ts'

const KEY = 'execution-monitor.views'

/** The views of the list that an earlier version saved in this browser. */
export function readBrowserViews(): NamedAddress[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(stored)
      ? stored.filter(isStored).map(({ name, query }) => ({ name, address: listPath(query) }))
      : []
  } catch {
    return []
  }
}

/** Forget the views in this browser. */
export function forgetBrowserViews(): void {
  localStorage.removeItem(KEY)
}

function isStored(value: unknown): value is { name: string; query: string } {
  const view = value as { name?: unknown; query?: unknown } | null
  return typeof view?.name === 'string' && typeof view.query === 'string'
}
