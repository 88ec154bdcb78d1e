import { useLocation } from 'wouter'
import { useQuery } from 'urql'
import { Button } from '../components/Button.tsx'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useWalk } from '../live/lastList.ts'
import { messages } from '../messages/messages.ts'
import { executionPath } from '../model/paths.ts'
import { printSelection, type Tab } from '../model/detailSelection.ts'
import { NEIGHBOURS, type Execution } from './operations.ts'
import styles from './Summary.module.css'

/**
 * Leads to the runs of the same workflow before and after an execution.
 *
 * The keys `j` and `k` lead through the list that the page was opened from, where there is one. The tab stays.
 */
export function Neighbours({ execution, tab }: { execution: Execution; tab: Tab }) {
  const text = messages.detail.runs
  const [, navigate] = useLocation()
  const walk = useWalk(execution.executionId)
  const variables = { workflow: execution.workflowName, at: execution.createdAt }
  const [{ data }] = useQuery({ query: NEIGHBOURS, variables })
  const [older, newer] = [data?.older.nodes[0], data?.newer.nodes[0]]
  const query = printSelection({ tab, step: null, attempt: null, line: null })

  function open(run: { executionId: string } | undefined): void {
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

  return (
    <span className={styles.neighbours} role="group" aria-label={text.label}>
      <Button disabled={newer === undefined} title={text.newerTitle} onClick={() => open(newer)}>
        {text.newer}
      </Button>
      <Button disabled={older === undefined} title={text.olderTitle} onClick={() => open(older)}>
        {text.older}
      </Button>
    </span>
  )
}
