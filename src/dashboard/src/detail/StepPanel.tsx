import { Button } from '../components/Button.tsx'
import { Duration } from '../components/Duration.tsx'
import { Icon } from '../components/Icon.tsx'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { StartTime } from '../components/StartTime.tsx'
import { codeOf, explain } from '../graphql/client.ts'
import { useExactQuery } from './useExactQuery.ts'
import { formatCost } from '../model/numbers.ts'
import { describeTokens } from '../model/tokens.ts'
import { ErrorBox } from './ErrorBox.tsx'
import { JsonView } from './JsonView.tsx'
import { STEP_PAYLOADS, type Step } from './operations.ts'
import { NeedsScope } from './Payloads.tsx'
import styles from './StepPanel.module.css'

interface StepPanelProps {
  step: Step
  steps: readonly Step[]
  onSelect: (id: string | null) => void
}

/** Details of one step: times, dependencies, error, input and result. */
export function StepPanel({ step, steps, onSelect }: StepPanelProps) {
  // Of several attempts, the last.
  const byStepId = new Map(steps.map((each) => [each.stepId, each]))
  const dependencies = step.dependsOn.flatMap((stepId) => byStepId.get(stepId) ?? [])
  return (
    <section className={styles.panel} aria-label={`Step ${step.name}`}>
      <header className={styles.head}>
        <h2>{step.name}</h2>
        <StatusBadge status={step.status} />
        <Button kind="quiet" onClick={() => onSelect(null)} aria-label="Close" title="Close">
          <Icon name="close" />
        </Button>
      </header>
      <dl className={styles.facts}>
        <dt>ID</dt>
        <dd>
          <code>{step.stepId}</code>
        </dd>
        {step.kind !== null && (
          <>
            <dt>Kind</dt>
            <dd>{step.kind}</dd>
          </>
        )}
        <dt>Started</dt>
        <dd>
          <StartTime at={step.startedAt} status={step.status} />
        </dd>
        {step.startedAt !== null && (
          <>
            <dt>Duration</dt>
            <dd>
              <Duration
                seconds={step.durationSeconds}
                startedAt={step.startedAt}
                isRunning={step.status === 'RUNNING'}
              />
            </dd>
          </>
        )}
        <dt>Attempt</dt>
        <dd>{step.attempt}</dd>
        {step.cost > 0 && (
          <>
            <dt>Cost</dt>
            <dd>{formatCost(step.cost)}</dd>
          </>
        )}
        {step.tokens > 0 && (
          <>
            <dt>Tokens</dt>
            <dd>{describeTokens(step)}</dd>
          </>
        )}
        {step.model !== null && (
          <>
            <dt>Model</dt>
            <dd>{step.model}</dd>
          </>
        )}
        {dependencies.length > 0 && (
          <>
            <dt>Depends on</dt>
            <dd className={styles.dependencies}>
              {dependencies.map((each) => (
                <button key={each.id} type="button" onClick={() => onSelect(each.id)}>
                  {each.name}
                </button>
              ))}
            </dd>
          </>
        )}
      </dl>
      {step.error !== null && <ErrorBox error={step.error} />}
      <StepPayloads step={step} />
    </section>
  )
}

function StepPayloads({ step }: { step: Step }) {
  const [{ data, error, fetching }] = useExactQuery({ query: STEP_PAYLOADS, variables: { id: step.id } })
  if (error !== undefined && codeOf(error) === 'FORBIDDEN') return <NeedsScope />
  if (error !== undefined) return <p role="alert">{explain(error)}</p>
  if (fetching || data === undefined) return <p className={styles.faint}>Loading …</p>
  const node = data.node !== null && 'input' in data.node ? data.node : null
  return (
    <>
      <Payload title="Input" value={node?.input ?? null} />
      <Payload title="Result" value={node?.result ?? null} />
    </>
  )
}

function Payload({ title, value }: { title: string; value: unknown }) {
  if (value === null) return null
  return (
    <>
      <h3>{title}</h3>
      <JsonView value={value} />
    </>
  )
}
