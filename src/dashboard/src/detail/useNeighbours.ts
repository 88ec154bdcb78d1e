import { useQuery } from 'urql'
import { useLocation } from 'wouter'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useWalk } from '../live/lastList.ts'
import { printSelection, type Tab } from '../model/detailSelection.ts'
import { executionPath } from '../model/paths.ts'
import { NEIGHBOURS, type Execution } from './operations.ts'

/** A run beside an execution; undefined where there is none, or none is known yet. */
export type Neighbour = { executionId: string } | undefined

/** The runs of the same workflow before and after an execution, and what opens one of them. */
export interface NeighbouringRuns {
  readonly older: Neighbour
  readonly newer: Neighbour
  readonly open: (run: Neighbour) => void
}

/**
 * The runs beside the execution with an id, which is null while it is loaded.
 *
 * The keys `j` and `k` lead through the list that the page was opened from, however fast they are pressed, and without one
 * to these runs. The tab stays.
 */
export function useNeighbours(executionId: string, execution: Execution | null, tab: Tab): NeighbouringRuns {
  const [, navigate] = useLocation()
  const walk = useWalk(executionId)
  const variables = { workflow: execution?.workflowName ?? '', at: execution?.createdAt ?? '' }
  const [{ data }] = useQuery({ query: NEIGHBOURS, variables, pause: execution === null })
  const [older, newer] = [data?.older.nodes[0], data?.newer.nodes[0]]
  const query = printSelection({ tab, step: null, attempt: null, line: null })

  function open(run: Neighbour): void {
    if (run !== undefined) navigate(executionPath(run.executionId, query), { replace: true })
  }
  useShortcuts({
    j: () => {
      if (!walk(1, query)) open(older)
    },
    k: () => {
      if (!walk(-1, query)) open(newer)
    },
  })
  return { older, newer, open }
}
