import type { StatisticsSnapshot } from '../live/statisticsStore.ts'
import { useStatistics, type StatisticsOperations } from '../live/useStatistics.ts'
import type { Scope } from '../model/scope.ts'
import { FOLLOW_TOTALS, READ_DETAILS, READ_TOTALS, type Details, type Totals } from './operations.ts'

interface Workflow {
  snapshot: StatisticsSnapshot<Totals, Details>
  read: () => void
}

const OPERATIONS: StatisticsOperations<Totals, Details> = {
  totals: READ_TOTALS,
  changes: FOLLOW_TOTALS,
  details: READ_DETAILS,
  changesDetails: () => true,
}

/** What the runs of `scope` add up to, live; runs, errors and steps are read again when that changes. */
export function useWorkflow(scope: Scope): Workflow {
  const { store, snapshot } = useStatistics(scope, OPERATIONS)
  return { snapshot, read: store.read }
}
