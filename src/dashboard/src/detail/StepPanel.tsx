import { useMemo } from 'react'
import { Button } from '../components/Button.tsx'
import { Duration } from '../components/Duration.tsx'
import { Icon } from '../components/Icon.tsx'
import { StartTime } from '../components/StartTime.tsx'
import { StatusBadge, StatusIcon } from '../components/StatusBadge.tsx'
import { codeOf, explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { formatCost, formatCount } from '../model/numbers.ts'
import type { Selection } from '../model/detailSelection.ts'
import { nameStatus } from '../model/status.ts'
import type { StepRow } from '../model/stepRows.ts'
import { describeTokens } from '../model/tokens.ts'
import { ErrorBox } from './ErrorBox.tsx'
import { JsonView } from './JsonView.tsx'
import { STEP_PAYLOADS, type Step } from './operations.ts'
import { NeedsScope } from './Payloads.tsx'
import styles from './StepPanel.module.css'
import { useExactQuery } from './useExactQuery.ts'
import type { Select } from './useSelection.ts'

interface StepPanelProps {
  row: StepRow<Step>
  rows: readonly StepRow<Step>[]
  selection: Selection
  select: Select
}

// More names would push the rest out of sight.
const MAX_NEIGHBOURS = 20

/** Details of one attempt of a step: times, dependencies, error, input and result. */
export function StepPanel({ row, rows, selection, select }: StepPanelProps) {
  const text = messages.detail.step
  const step = row.attempts.find((each) => each.attempt === selection.attempt) ?? row.latest
  const needed = useMemo(() => new Set(row.latest.dependsOn), [row])
  return (
    <section className={styles.panel} aria-label={text.label(step.name)}>
      <header className={styles.head}>
        <h2>{step.name}</h2>
        <StatusBadge status={step.status} />
        <Button
          kind="quiet"
          onClick={() => select({ step: null, attempt: null })}
          aria-label={messages.detail.close}
          title={messages.detail.close}
        >
          <Icon name="close" />
        </Button>
      </header>
      <Attempts row={row} current={step} select={select} />
      <dl className={styles.facts}>
        <dt>{text.id}</dt>
        <dd>
          <code>{step.stepId}</code>
        </dd>
        {step.kind !== null && (
          <>
            <dt>{text.kind}</dt>
            <dd>{step.kind}</dd>
          </>
        )}
        <dt>{text.started}</dt>
        <dd>
          <StartTime at={step.startedAt} status={step.status} />
        </dd>
        {step.startedAt !== null && (
          <>
            <dt>{text.duration}</dt>
            <dd>
              <Duration
                seconds={step.durationSeconds}
                startedAt={step.startedAt}
                isRunning={step.status === 'RUNNING'}
              />
            </dd>
          </>
        )}
        <dt>{text.attempt}</dt>
        <dd>{nameAttempt(row, step)}</dd>
        {step.cost > 0 && (
          <>
            <dt>{text.cost}</dt>
            <dd>{formatCost(step.cost)}</dd>
          </>
        )}
        {step.tokens > 0 && (
          <>
            <dt>{text.tokens}</dt>
            <dd>{describeTokens(step)}</dd>
          </>
        )}
        {step.model !== null && (
          <>
            <dt>{text.model}</dt>
            <dd>{step.model}</dd>
          </>
        )}
        <Neighbours name={text.dependsOn} rows={rows.filter((each) => needed.has(each.key))} select={select} />
        <Neighbours
          name={text.neededBy}
          rows={rows.filter((each) => each.latest.dependsOn.includes(row.key))}
          select={select}
        />
      </dl>
      <p>
        <Button onClick={() => select({ tab: 'logs', line: null })}>{text.log}</Button>
      </p>
      {step.error !== null && <ErrorBox error={step.error} />}
      <StepPayloads key={step.id} step={step} />
    </section>
  )
}

function nameAttempt(row: StepRow<Step>, step: Step): string {
  const text = messages.detail.step
  const count = row.latest.attempt
  if (row.attempts.length > 1) return text.attemptOf(formatCount(step.attempt), formatCount(count))
  return count > 1 ? text.onlyLast(formatCount(count)) : formatCount(count)
}

/** A choice among the attempts of a step, where the engine keeps each. */
function Attempts({ row, current, select }: { row: StepRow<Step>; current: Step; select: Select }) {
  if (row.attempts.length === 1) return null
  return (
    <div className={styles.attempts} role="group" aria-label={messages.detail.step.attempts}>
      {row.attempts.map((each) => (
        <Button
          key={each.id}
          aria-pressed={each === current}
          aria-label={`${nameStatus(each.status)}: ${messages.detail.attempt(formatCount(each.attempt))}`}
          onClick={() => select({ step: row.key, attempt: each.attempt })}
        >
          <StatusIcon status={each.status} />
          {each.attempt}
          <span className={styles.faint}>
            <Duration seconds={each.durationSeconds} startedAt={each.startedAt} isRunning={each.status === 'RUNNING'} />
          </span>
        </Button>
      ))}
    </div>
  )
}

interface NeighboursProps {
  name: string
  rows: readonly StepRow<Step>[]
  select: Select
}

function Neighbours({ name, rows, select }: NeighboursProps) {
  if (rows.length === 0) return null
  return (
    <>
      <dt>{name}</dt>
      <dd className={styles.dependencies}>
        {rows.slice(0, MAX_NEIGHBOURS).map(({ key, latest }) => (
          <button key={key} type="button" onClick={() => select({ step: key })}>
            {latest.name}
          </button>
        ))}
        {rows.length > MAX_NEIGHBOURS && messages.detail.step.more(formatCount(rows.length - MAX_NEIGHBOURS))}
      </dd>
    </>
  )
}

function StepPayloads({ step }: { step: Step }) {
  const text = messages.detail.step
  const [{ data, error, fetching }] = useExactQuery({ query: STEP_PAYLOADS, variables: { id: step.id } })
  if (error !== undefined && codeOf(error) === 'FORBIDDEN') return <NeedsScope />
  if (error !== undefined) return <p role="alert">{explain(error)}</p>
  if (fetching || data === undefined) return <p className={styles.faint}>{messages.detail.loading}</p>
  const node = data.node !== null && 'input' in data.node ? data.node : null
  return (
    <>
      <Payload title={text.input} value={node?.input ?? null} />
      <Payload title={text.result} value={node?.result ?? null} />
    </>
  )
}

function Payload({ title, value }: { title: string; value: unknown }) {
  if (value === null) return null
  return (
    <>
      <h3>{title}</h3>
      <JsonView name={title} value={value} />
    </>
  )
}
