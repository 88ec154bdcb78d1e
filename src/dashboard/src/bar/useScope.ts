import { useCallback, useMemo } from 'react'
// The router's own hook decodes `%25` before the query is split.
import { navigate, useSearch } from 'wouter/use-browser-location'
import { parseScope, printQuery, setScope, type Scope } from '../model/scope.ts'

interface ScopeOfAddress {
  scope: Scope
  /** What is not valid in the address, in sentences. */
  problem: string | null
  /** Changes the address; its other parameters stay. */
  change: (changes: Partial<Scope>) => void
}

/** The scope in the address of a page that has the bar, and a function that changes it. */
export function useScope(): ScopeOfAddress {
  const search = useSearch()
  const { scope, problem } = useMemo(() => parseScope(search), [search])
  const change = useCallback(
    (changes: Partial<Scope>) => {
      const query = new URLSearchParams(search)
      setScope(query, { ...scope, ...changes })
      const printed = printQuery(query)
      // A change of the zone alone needs no step in the browser's history.
      const replace = Object.keys(changes).every((name) => name === 'zone')
      navigate(printed === '' ? location.pathname : `?${printed}`, { replace })
    },
    [search, scope],
  )
  return { scope, problem, change }
}
