import { stringifyDocument, type TypedDocumentNode } from '@urql/core'
import { useMemo } from 'react'
import { useClient } from 'urql'
import { useZone } from '../components/ZoneContext.ts'
import { problemOf } from '../graphql/client.ts'
import type { FilterInput } from '../model/filterInput.ts'
import { rangesOf } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import type { Statistics, StatisticsSnapshot, StatisticsSource, StatisticsStore } from './statisticsStore.ts'
import { useStatistics } from './useStatistics.ts'

interface Variables {
  filter: FilterInput
  timeZone: string
}

/** The operations of a page's statistics, and what is read beside them. */
export interface ScopeOperations<S extends Statistics, D> {
  readonly totals: TypedDocumentNode<{ executionStatistics: S }, Variables>
  /** The subscription to the same statistics. */
  readonly changes: TypedDocumentNode<{ executionStatisticsUpdates: S }, Variables & { after?: string | null }>
  readonly details: TypedDocumentNode<D, Variables>
  /** Whether the details may be others, now that the totals are. */
  readonly changesDetails: (before: S, after: S) => boolean
}

const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The statistics of `scope`, live; `operations` must be the same object as long as the page is. */
export function useScopeStatistics<S extends Statistics, D>(
  scope: Scope,
  operations: ScopeOperations<S, D>,
): { store: StatisticsStore<S, D>; snapshot: StatisticsSnapshot<S, D> } {
  const client = useClient()
  const timeZone = useZone() ?? LOCAL_ZONE
  const source = useMemo((): StatisticsSource<S, D> => {
    const variables = (): Variables => ({ filter: rangesOf(scope, Date.now()).present, timeZone })
    const query = stringifyDocument(operations.changes)
    return {
      async read() {
        const { data, error } = await client.query(operations.totals, variables()).toPromise()
        return data ? { data: data.executionStatistics } : problemOf(error)
      },
      request: (after) => ({ query, variables: { ...variables(), after } }),
      pick: (data) => (data as { executionStatisticsUpdates: S }).executionStatisticsUpdates,
      async readDetails() {
        const { data, error } = await client.query(operations.details, variables()).toPromise()
        return data ? { data } : problemOf(error)
      },
      changesDetails: operations.changesDetails,
    }
  }, [client, scope, timeZone, operations])
  return useStatistics(source)
}
