import { useQuery } from 'urql'
import { useLocation } from 'wouter'
import { Notice } from '../components/Notice.tsx'
import { explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { comparePath } from '../model/paths.ts'
import styles from './Comparison.module.css'
import { Comparison } from './Comparison.tsx'
import { LAST_SUCCESS } from './compareOperations.ts'
import type { Execution } from './operations.ts'
import { RunChooser } from './RunChooser.tsx'

/** Compares an execution with the last successful one of its workflow, or with any other that is chosen. */
export function LastSuccessComparison({ execution }: { execution: Execution }) {
  const text = messages.detail.compare
  const [, navigate] = useLocation()
  const { executionId, workflowName, createdAt } = execution
  const [{ data, error }] = useQuery({
    query: LAST_SUCCESS,
    variables: { workflow: workflowName, before: createdAt },
  })
  const last = data?.executions.nodes[0]
  return (
    <div className={styles.comparison}>
      <RunChooser
        label={text.with}
        workflow={workflowName}
        onChoose={(other) => navigate(comparePath(executionId, other))}
      />
      {error !== undefined ? (
        <Notice kind="error" title={text.failed}>
          {explain(error)}
        </Notice>
      ) : data === undefined ? (
        <Notice kind="loading" title={messages.detail.loading} />
      ) : last === undefined ? (
        <Notice kind="empty" title={text.none}>
          {text.neverSucceeded(workflowName)}
        </Notice>
      ) : (
        <Comparison one={executionId} other={last.executionId} names={[text.thisExecution, text.lastSuccess]} />
      )}
    </div>
  )
}
