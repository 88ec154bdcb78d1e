import { Link } from 'wouter'
import { useQuery } from 'urql'
import { Notice } from '../components/Notice.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { codeOf, explain } from '../graphql/client.ts'
import { compareInputs, compareSteps } from '../model/comparison.ts'
import { useExactQuery } from './useExactQuery.ts'
import { printJson } from '../model/exactJson.ts'
import { formatCount, formatDuration } from '../model/numbers.ts'
import { executionPath } from '../model/paths.ts'
import styles from './Comparison.module.css'
import { LAST_SUCCESS, PAYLOADS, type Execution, type Step } from './operations.ts'

/** Compares an execution with the last successful one of its workflow. */
export function Comparison({ execution, steps }: { execution: Execution; steps: readonly Step[] }) {
  const [{ data, error }] = useQuery({
    query: LAST_SUCCESS,
    variables: { workflow: execution.workflowName, before: execution.createdAt },
  })
  if (error !== undefined) {
    return (
      <Notice kind="error" title="The comparison could not be loaded">
        {explain(error)}
      </Notice>
    )
  }
  if (data === undefined) return <Notice kind="loading" title="Loading …" />
  const [before] = data.executions.nodes
  if (before === undefined) {
    return (
      <Notice kind="empty" title="Nothing to compare with">
        {execution.workflowName} has not succeeded before this execution.
      </Notice>
    )
  }
  const earlier = before.steps.nodes
  const differences = compareSteps(before.steps.pageInfo.hasNextPage ? steps.slice(0, earlier.length) : steps, earlier)
  return (
    <div className={styles.comparison}>
      <p>
        Compared with the last successful execution,{' '}
        <Link href={executionPath(before.executionId)}>
          <code>{before.executionId}</code>
        </Link>{' '}
        (<Timestamp at={before.createdAt} />
        {before.durationSeconds !== null && `, ${formatDuration(before.durationSeconds)}`}).
      </p>
      <section>
        <h2>Steps, slowest change first</h2>
        {before.steps.pageInfo.hasNextPage && (
          <p className={styles.faint}>Only the first {formatCount(before.steps.nodes.length)} steps are compared.</p>
        )}
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">This execution</th>
              <th scope="col">Last success</th>
              <th scope="col">Difference</th>
            </tr>
          </thead>
          <tbody>
            {differences.map((each) => (
              <tr key={each.stepId}>
                <th scope="row">{each.name}</th>
                <td>{each.now === null ? '–' : formatDuration(each.now)}</td>
                <td>{each.before === null ? '–' : formatDuration(each.before)}</td>
                <td data-longer={each.longer > 0}>{nameDifference(each.longer)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <Inputs now={execution.executionId} before={before.executionId} />
    </div>
  )
}

function nameDifference(seconds: number): string {
  if (Math.abs(seconds) < 0.0005) return ''
  return seconds > 0 ? `+ ${formatDuration(seconds)}` : `− ${formatDuration(-seconds)}`
}

function Inputs({ now, before }: { now: string; before: string }) {
  const [nowResult] = useExactQuery({ query: PAYLOADS, variables: { id: now } })
  const [beforeResult] = useExactQuery({ query: PAYLOADS, variables: { id: before } })
  const error = nowResult.error ?? beforeResult.error
  if (error !== undefined) {
    const isForbidden = codeOf(error) === 'FORBIDDEN'
    return (
      <section>
        <h2>Inputs</h2>
        <p className={styles.faint}>
          {isForbidden ? 'Inputs need the scope executions:payload, which your token does not have.' : explain(error)}
        </p>
      </section>
    )
  }
  if (nowResult.data === undefined || beforeResult.data === undefined) return null
  const differences = compareInputs(
    nowResult.data.execution?.inputParameters,
    beforeResult.data.execution?.inputParameters,
  )
  return (
    <section>
      <h2>Inputs that differ</h2>
      {differences.length === 0 ? (
        <p className={styles.faint}>The inputs are identical.</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Input</th>
              <th scope="col">This execution</th>
              <th scope="col">Last success</th>
            </tr>
          </thead>
          <tbody>
            {differences.map((each) => (
              <tr key={each.path}>
                <th scope="row">
                  <code>{each.path === '' ? 'entire input' : each.path}</code>
                </th>
                <td>{show(each.now)}</td>
                <td>{show(each.before)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function show(value: unknown) {
  return value === undefined ? '–' : <code>{printJson(value).slice(0, 500)}</code>
}
