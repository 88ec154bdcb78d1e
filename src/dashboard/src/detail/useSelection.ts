import { useCallback, useMemo } from 'react'
import { navigate, useSearch } from 'wouter/use-browser-location'
import { change, parseSelection, printSelection, type Selection } from '../model/detailSelection.ts'

/** Changes what is selected. */
export type Select = (changes: Partial<Selection>) => void

/** The selection in the address, and a function that changes it there. */
export function useSelection(): [Selection, Select] {
  const search = useSearch()
  const selection = useMemo(() => parseSelection(search), [search])
  // Of the address at the time of the call, so that the function stays the same.
  const select = useCallback((changes: Partial<Selection>) => {
    const query = printSelection(change(parseSelection(location.search), changes), location.search)
    navigate(query === '' ? location.pathname : `?${query}`, { replace: true })
  }, [])
  return [selection, select]
}
