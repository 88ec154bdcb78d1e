import { useEffect, useState } from 'react'
import { useClient } from 'urql'
import { useConnection } from '../live/ConnectionContext.ts'
import type { Scope } from '../model/scope.ts'
import { SeriesReader, type HistogramState } from './seriesReader.ts'

const INITIAL: HistogramState = { buckets: null, isEstimate: false, hasFailed: false }

/** How many executions of `scope` were created when, live; days are those of the time zone. */
export function useHistogram(scope: Scope, timeZone: string): HistogramState {
  const client = useClient()
  const connection = useConnection()
  // What is shown stays until that of another scope is there.
  const [state, setState] = useState(INITIAL)
  const key = JSON.stringify([scope.filter, scope.since, scope.until])
  useEffect(
    () => {
      const reader = new SeriesReader(client, connection, scope, timeZone, (changes) =>
        setState((before) => ({ ...before, ...changes })),
      )
      return () => reader.stop()
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key holds what matters of the scope
    [client, connection, key, timeZone],
  )
  return state
}
