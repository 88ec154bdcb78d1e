import { stringifyDocument } from '@urql/core'
import { useMemo } from 'react'
import { useClient } from 'urql'
import { useZone } from '../components/ZoneContext.ts'
import { explain, problemOf } from '../graphql/client.ts'
import type { VariablesOf } from '../graphql/graphql.ts'
import type { StatisticsSnapshot, StatisticsSource } from '../live/statisticsStore.ts'
import { useStatistics } from '../live/useStatistics.ts'
import { rangesOf } from '../model/overview.ts'
import { failuresIn } from '../model/runHistory.ts'
import type { Scope } from '../model/scope.ts'
import { ANNOTATE, FOLLOW_TOTALS, READ_GROUPS, READ_TOTALS, type Groups, type Totals } from './operations.ts'

/** What to change of a group; null removes. */
export type Changes = VariablesOf<typeof ANNOTATE>['input']

interface Failures {
  snapshot: StatisticsSnapshot<Totals, Groups>
  read: () => void
  /** Annotates a group; throws an Error with a message for people. */
  annotate: (id: string, input: Changes) => Promise<void>
}

const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** How often executions of `scope` fail, live, and their error groups, which are read again when that changes. */
export function useFailures(scope: Scope): Failures {
  const client = useClient()
  const timeZone = useZone() ?? LOCAL_ZONE
  const source = useMemo((): StatisticsSource<Totals, Groups> => {
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
        const { data, error } = await client.query(READ_GROUPS, variables()).toPromise()
        return data ? { data } : problemOf(error)
      },
      changesDetails: (before, after) => printFailures(before) !== printFailures(after),
    }
  }, [client, scope, timeZone])
  const { store, snapshot } = useStatistics(source)

  async function annotate(id: string, input: Changes): Promise<void> {
    const { data, error } = await client.mutation(ANNOTATE, { id, input }).toPromise()
    if (!data) throw new Error(explain(error))
    const { annotation } = data.annotateErrorGroup
    const isEmpty = annotation.note === null && annotation.assignee === null && annotation.mutedUntil === null
    store.changeDetails((groups) => ({
      ...groups,
      executionStatistics: {
        ...groups.executionStatistics,
        errorGroups: groups.executionStatistics.errorGroups.map((each) =>
          each.id === id ? { ...each, annotation: isEmpty ? null : annotation } : each,
        ),
      },
    }))
  }

  return { snapshot, read: store.read, annotate }
}

/** The failures of each part of the range: as many at another time are others. */
function printFailures({ series }: Totals): string {
  return series
    .filter(({ byStatus }) => failuresIn(byStatus) > 0)
    .map(({ start, byStatus }) => `${start} ${failuresIn(byStatus)}`)
    .join()
}
