import { stringifyDocument } from '@urql/core'
import { useMemo } from 'react'
import { useClient } from 'urql'
import { useZone } from '../components/ZoneContext.ts'
import { problemOf } from '../graphql/client.ts'
import type { StatisticsSnapshot, StatisticsSource } from '../live/statisticsStore.ts'
import { useStatistics } from '../live/useStatistics.ts'
import { rangesOf } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import { FOLLOW_TOTALS, READ_DETAILS, READ_TOTALS, type Details, type Totals } from './operations.ts'

interface Workflow {
  snapshot: StatisticsSnapshot<Totals, Details>
  read: () => void
}

const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** What the runs of `scope` add up to, live; runs, errors and steps are read again when that changes. */
export function useWorkflow(scope: Scope): Workflow {
  const client = useClient()
  const timeZone = useZone() ?? LOCAL_ZONE
  const source = useMemo((): StatisticsSource<Totals, Details> => {
    const variables = () => ({ filter: rangesOf(scope, Date.now()).present, timeZone })
    const query = stringifyDocument(FOLLOW_TOTALS)
    return {
      async read() {
        const { data, error } = await client.query(READ_TOTALS, variables()).toPromise()
        return data ? { data: data.executionStatistics } : problemOf(error)
      },
      request: (after) => ({ query, variables: { ...variables(), after } }),
      pick: (data) => (data as { executionStatisticsUpdates: Totals }).executionStatisticsUpdates,
      async readDetails() {
        const { data, error } = await client.query(READ_DETAILS, variables()).toPromise()
        return data ? { data } : problemOf(error)
      },
      changesDetails: () => true,
    }
  }, [client, scope, timeZone])
  const { store, snapshot } = useStatistics(source)
  return { snapshot, read: store.read }
}
