import { useCallback, useMemo } from 'react'
import { useLocation } from 'wouter'
// The router's own hook decodes `%25` before the query is split.
import { useSearch } from 'wouter/use-browser-location'
import { listPath } from '../model/paths.ts'
import { parseView, printView, type View } from '../model/view.ts'

/** The view in the URL, and a function that changes it. */
export function useView(): { view: View; problem: string | null; change: (changes: Partial<View>) => void } {
  const search = useSearch()
  const [, navigate] = useLocation()
  const { view, problem } = useMemo(() => parseView(search), [search])
  const change = useCallback(
    (changes: Partial<View>) => {
      const query = printView({ ...view, ...changes })
      // A change of what the list shows gets an entry in the browser's history; a change of how it looks does not.
      const replace = !('filter' in changes || 'since' in changes || 'until' in changes || 'order' in changes)
      navigate(listPath(query), { replace })
    },
    [view, navigate],
  )
  return { view, problem, change }
}
