import { useMemo, type ReactNode } from 'react'
// The router's own hook decodes `%25` before the query is split.
import { useSearch } from 'wouter/use-browser-location'
import { ZoneContext } from '../components/ZoneContext.ts'
import { parseScope } from '../model/scope.ts'
import { usePreferredZone } from './preferredZone.ts'

/** Has its content show times in the zone of the address, or in that which was chosen last. */
export function ZoneProvider({ children }: { children: ReactNode }) {
  const search = useSearch()
  const { zone } = useMemo(() => parseScope(search).scope, [search])
  const preferred = usePreferredZone()
  return <ZoneContext value={zone ?? preferred ?? undefined}>{children}</ZoneContext>
}
