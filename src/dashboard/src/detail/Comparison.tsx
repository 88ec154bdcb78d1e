import { useState } from 'react'
import { useQuery } from 'urql'
import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { StatusIcon } from '../components/StatusBadge.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { compareSteps, isSignificant, type StepDifference } from '../model/comparison.ts'
import { compareFacts } from '../model/factComparison.ts'
import { formatCount, formatDuration } from '../model/numbers.ts'
import { executionPath } from '../model/paths.ts'
import { nameStatus, type Status } from '../model/status.ts'
import { ComparedInputs } from './ComparedInputs.tsx'
import styles from './Comparison.module.css'
import { COMPARED, type Compared } from './compareOperations.ts'

interface ComparisonProps {
  /** The ids of the executions; the second is the one that the first is measured against. */
  one: string
  other: string
  names: readonly [string, string]
}

/** What differs between two executions: facts and tags, steps, and inputs. Differences that are noise are left out. */
export function Comparison({ one, other, names }: ComparisonProps) {
  const text = messages.detail.compare
  const [first] = useQuery({ query: COMPARED, variables: { id: one } })
  const [second] = useQuery({ query: COMPARED, variables: { id: other } })
  const error = first.error ?? second.error
  if (error !== undefined) {
    return (
      <Notice kind="error" title={text.failed}>
        {explain(error)}
      </Notice>
    )
  }
  if (first.data === undefined || second.data === undefined) {
    return <Notice kind="loading" title={messages.detail.loading} />
  }
  const [a, b] = [first.data.execution, second.data.execution]
  if (a === null || b === null) {
    return (
      <Notice kind="empty" title={text.none}>
        {text.missing(a === null ? one : other)}
      </Notice>
    )
  }
  return (
    <>
      <dl className={styles.runs}>
        <Run name={names[0]} run={a} />
        <Run name={names[1]} run={b} />
      </dl>
      <Facts one={a} other={b} names={names} />
      <Steps one={a} other={b} names={names} />
      <ComparedInputs one={one} other={other} names={names} />
    </>
  )
}

function Run({ name, run }: { name: string; run: Compared }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <StatusIcon status={run.status} />
        <Link href={executionPath(run.executionId)}>
          {run.workflowName} <code>{run.executionId}</code>
        </Link>
        <Timestamp at={run.createdAt} />
        {run.durationSeconds !== null && formatDuration(run.durationSeconds)}
      </dd>
    </div>
  )
}

interface PartProps {
  one: Compared
  other: Compared
  names: readonly [string, string]
}

function Facts({ one, other, names }: PartProps) {
  const text = messages.detail.compare
  const facts = compareFacts(one, other)
  return (
    <section>
      <h2>{text.facts}</h2>
      {facts.length === 0 ? (
        <p className={styles.faint}>{text.same}</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              {[text.fact, ...names].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {facts.map((fact) => (
              <tr key={fact.name}>
                <th scope="row">{fact.name}</th>
                <td>{fact.one ?? text.missingValue}</td>
                <td>{fact.other ?? text.missingValue}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Steps({ one, other, names }: PartProps) {
  const text = messages.detail.compare
  const [showsAll, showAll] = useState(false)
  const isCut = one.steps.pageInfo.hasNextPage || other.steps.pageInfo.hasNextPage
  const count = Math.min(one.steps.nodes.length, other.steps.nodes.length)
  const [now, before] = [one.steps.nodes, other.steps.nodes].map((steps) => (isCut ? steps.slice(0, count) : steps))
  const differences = compareSteps(now ?? [], before ?? [])
  const seconds = Math.max(one.durationSeconds ?? 0, other.durationSeconds ?? 0)
  const significant = differences.filter((each) => isSignificant(each, seconds))
  const shown = showsAll ? differences : significant
  const leftOut = differences.length - shown.length
  return (
    <section>
      <h2>{text.steps}</h2>
      {isCut && <p className={styles.faint}>{text.firstSteps(formatCount(count))}</p>}
      {shown.length === 0 ? (
        <p className={styles.faint}>{text.noSteps}</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              {[text.step, ...names, text.difference].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((each) => (
              <StepDifferenceRow key={each.stepId} step={each} />
            ))}
          </tbody>
        </table>
      )}
      {leftOut > 0 && (
        <p className={styles.faint}>
          {leftOut === 1 ? text.leftOutOne : text.leftOut(formatCount(leftOut))} {text.significance}{' '}
          <Button onClick={() => showAll(true)}>{text.showAll}</Button>
        </p>
      )}
    </section>
  )
}

function StepDifferenceRow({ step }: { step: StepDifference }) {
  const { name, now, before, statusNow, statusBefore, longer } = step
  const isChanged = statusNow !== statusBefore
  return (
    <tr>
      <th scope="row">{name}</th>
      <StepCell seconds={now} status={isChanged ? statusNow : null} />
      <StepCell seconds={before} status={isChanged ? statusBefore : null} />
      <td data-longer={longer > 0}>{nameDifference(longer)}</td>
    </tr>
  )
}

function StepCell({ seconds, status }: { seconds: number | null; status: Status | null }) {
  return (
    <td>
      {status !== null && (
        <>
          <StatusIcon status={status} /> {nameStatus(status)}{' '}
        </>
      )}
      {seconds === null ? messages.detail.compare.missingValue : formatDuration(seconds)}
    </td>
  )
}

function nameDifference(seconds: number): string {
  if (Math.abs(seconds) < 0.0005) return ''
  return seconds > 0 ? `+ ${formatDuration(seconds)}` : `− ${formatDuration(-seconds)}`
}
