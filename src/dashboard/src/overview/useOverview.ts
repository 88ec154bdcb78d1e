import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { useClient } from 'urql'
import { useConnection } from '../live/ConnectionContext.ts'
import type { Scope } from '../model/scope.ts'
import { OverviewStore, type Snapshot } from './overviewStore.ts'

/** The statistics of `scope`, live; days are those of the time zone. */
export function useOverview(
  scope: Scope,
  timeZone: string,
  allowSampling: boolean,
): { store: OverviewStore; snapshot: Snapshot } {
  const client = useClient()
  const connection = useConnection()
  const key = JSON.stringify([scope.filter, scope.since, scope.until])
  const store = useMemo(
    () => new OverviewStore(client, connection, scope, timeZone, allowSampling),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key holds what matters of the scope
    [client, connection, key, timeZone, allowSampling],
  )
  useEffect(() => {
    store.start()
    return () => store.stop()
  }, [store])
  return { store, snapshot: useSyncExternalStore(store.subscribe, store.getSnapshot) }
}
