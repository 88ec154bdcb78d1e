import { useEffect, useState, useSyncExternalStore } from 'react'
import { useConnection } from './ConnectionContext.ts'
import { StatisticsStore, type Statistics, type StatisticsSnapshot, type StatisticsSource } from './statisticsStore.ts'

/** The statistics of `source`, live: it must be the same object as long as it means the same. */
export function useStatistics<S extends Statistics, D>(
  source: StatisticsSource<S, D>,
): { store: StatisticsStore<S, D>; snapshot: StatisticsSnapshot<S, D> } {
  const connection = useConnection()
  const [store] = useState(() => new StatisticsStore<S, D>(connection))
  useEffect(() => store.show(source), [store, source])
  return { store, snapshot: useSyncExternalStore(store.subscribe, store.getSnapshot) }
}
