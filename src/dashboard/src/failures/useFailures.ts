import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { VariablesOf } from '../graphql/graphql.ts'
import type { StatisticsSnapshot } from '../live/statisticsStore.ts'
import { useStatistics, type StatisticsOperations } from '../live/useStatistics.ts'
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

const OPERATIONS: StatisticsOperations<Totals, Groups> = {
  totals: READ_TOTALS,
  changes: FOLLOW_TOTALS,
  details: READ_GROUPS,
  changesDetails: (before, after) => printFailures(before) !== printFailures(after),
}

/** How often executions of `scope` fail, live, and their error groups, which are read again when that changes. */
export function useFailures(scope: Scope): Failures {
  const client = useClient()
  const { store, snapshot } = useStatistics(scope, OPERATIONS)

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
