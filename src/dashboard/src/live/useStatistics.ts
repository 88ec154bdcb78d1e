import { stringifyDocument, type TypedDocumentNode } from '@urql/core'
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { useClient } from 'urql'
import { useZone } from '../components/ZoneContext.ts'
import { problemOf } from '../graphql/client.ts'
import type { FilterInput } from '../model/filterInput.ts'
import { rangesOf } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import { useConnection } from './ConnectionContext.ts'
import { StatisticsStore, type Statistics, type StatisticsSnapshot, type StatisticsSource } from './statisticsStore.ts'

interface Variables {
  filter: FilterInput
  timeZone: string
}

/** The operations of a page's statistics, and what is read beside them. */
export interface StatisticsOperations<S extends Statistics, D> {
  readonly totals: TypedDocumentNode<{ executionStatistics: S }, Variables>
  /** The subscription to the same statistics. */
  readonly changes: TypedDocumentNode<{ executionStatisticsUpdates: S }, Variables & { after?: string | null }>
  readonly details: TypedDocumentNode<D, Variables>
  /** Whether the details may be others, now that the totals are. */
  readonly changesDetails: (before: S, after: S) => boolean
}

const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The statistics of `scope`, live; `operations` must be the same object as long as the page is. */
export function useStatistics<S extends Statistics, D>(
  scope: Scope,
  operations: StatisticsOperations<S, D>,
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
  const connection = useConnection()
  const [store] = useState(() => new StatisticsStore<S, D>(connection))
  useEffect(() => store.show(source), [store, source])
  return { store, snapshot: useSyncExternalStore(store.subscribe, store.getSnapshot) }
}
