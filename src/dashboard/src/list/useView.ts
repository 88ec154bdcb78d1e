import { useCallback, useMemo } from 'react'
import { useLocation, useSearch } from 'wouter'
import { parseView, printView, type View } from '../model/view.ts'

/** The view that the address says, and a way to another. */
export function useView(): { view: View; problem: string | null; change: (part: Partial<View>) => void } {
  const search = useSearch()
  const [, navigate] = useLocation()
  const { view, problem } = useMemo(() => parseView(search), [search])
  const change = useCallback(
    (part: Partial<View>) => {
      const query = printView({ ...view, ...part })
      // Another filter is another place to come back to; how the list looks is not.
      const replace = !('filter' in part || 'since' in part || 'order' in part)
      navigate(query === '' ? '/' : `/?${query}`, { replace })
    },
    [view, navigate],
  )
  return { view, problem, change }
}
