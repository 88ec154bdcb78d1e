import { useState } from 'react'
import { Link } from 'wouter'
import { formatBriefly, formatCost } from '../model/quantities.ts'
import { Duration } from '../parts/Duration.tsx'
import { LiveIndicator } from '../parts/LiveIndicator.tsx'
import { Moment } from '../parts/Moment.tsx'
import { Notice } from '../parts/Notice.tsx'
import { StatusBadge } from '../parts/StatusBadge.tsx'
import styles from './DetailPage.module.css'
import { JsonView } from './JsonView.tsx'
import { Logs } from './Logs.tsx'
import type { Detail } from './operations.ts'
import { StepPanel } from './StepPanel.tsx'
import { Timeline } from './Timeline.tsx'
import { useActivity } from './useActivity.ts'
import { usePayloads } from './usePayloads.ts'

/** One execution, live: what it is, how its steps lie in time, and what they log. */
export default function DetailPage({ executionId }: { executionId: string }) {
  const { activity, status, error } = useActivity(executionId)
  const { mayRead, execution: payloads } = usePayloads(executionId)
  const [stepId, setStepId] = useState<string | null>(null)
  const { execution, steps, lines, isGone } = activity

  if (execution === null) {
    return error === null ? (
      <Notice kind="loading" title="Loading …" />
    ) : (
      <Notice kind="error" title="This execution cannot be shown" action={<Link href="/">Back to the list</Link>}>
        {error}
      </Notice>
    )
  }
  const step = steps.find((each) => each.stepId === stepId)
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>{execution.workflowName}</h1>
        <StatusBadge status={execution.status} detail={execution.statusDetail} />
        {status === 'ended' ? <span className={styles.faint}>Ended</span> : <LiveIndicator status={status} />}
        <p className={styles.id}>
          {execution.name !== null && <span>{execution.name}</span>} <code>{execution.executionId}</code>
        </p>
      </header>
      {isGone && (
        <p className={styles.gone} role="alert">
          This execution was deleted, or is no longer yours to see. This is how it was.
        </p>
      )}
      <Facts execution={execution} />
      {execution.error !== null && <Failure error={execution.error} onStep={setStepId} />}
      <section aria-labelledby="steps">
        <h2 id="steps">Steps</h2>
        <div className={styles.work}>
          <Timeline steps={steps} startedAt={execution.startedAt} selected={stepId} onSelect={setStepId} />
          {step !== undefined && (
            <StepPanel
              step={step}
              payload={payloads?.steps.nodes.find((each) => each.stepId === step.stepId) ?? null}
              mayRead={mayRead}
              onClose={() => setStepId(null)}
            />
          )}
        </div>
      </section>
      <Logs lines={lines} stepId={stepId} />
      <section aria-labelledby="payloads">
        <h2 id="payloads">Input and result</h2>
        {mayRead === false && (
          <p className={styles.faint}>Your token does not allow you to see them (executions:payload).</p>
        )}
        {payloads !== null && (
          <div className={styles.payloads}>
            <JsonView title="Input" value={payloads.inputParameters} />
            <JsonView title="Result" value={payloads.finalResult} />
          </div>
        )}
      </section>
    </div>
  )
}

function Facts({ execution }: { execution: Detail }) {
  const { executionId, parentExecutionId, progress } = execution
  const children = `/?filter=parentExecutionId:eq(${encodeURIComponent(JSON.stringify(executionId))})`
  return (
    <dl className={styles.facts}>
      <Fact name="Started">{execution.startedAt === null ? 'not yet' : <Moment at={execution.startedAt} />}</Fact>
      <Fact name="Duration">
        <Duration
          seconds={execution.durationSeconds}
          startedAt={execution.startedAt}
          isRunning={execution.status === 'RUNNING'}
        />
      </Fact>
      <Fact name="Steps">
        {progress.currentStep}/{progress.totalSteps}
      </Fact>
      <Fact name="Cost">{formatCost(execution.totalCost)}</Fact>
      <Fact name="Tokens">{formatBriefly(execution.tokensUsed)}</Fact>
      <Fact name="Attempt">{execution.attempt}</Fact>
      <Fact name="Started by">{execution.triggeredBy ?? execution.userId}</Fact>
      <Fact name="Owner">{execution.userId}</Fact>
      <Fact name="Related">
        {parentExecutionId !== null && (
          <Link href={`/executions/${encodeURIComponent(parentExecutionId)}`}>Parent</Link>
        )}{' '}
        <Link href={children}>Children</Link>
      </Fact>
      {execution.tags.length > 0 && (
        <Fact name="Tags">{execution.tags.map((tag) => `${tag.key}=${tag.value}`).join(', ')}</Fact>
      )}
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

interface FailureProps {
  error: NonNullable<Detail['error']>
  onStep: (stepId: string) => void
}

function Failure({ error, onStep }: FailureProps) {
  const { stepId } = error
  const kinds = [error.type, error.code].filter((each) => each !== null)
  return (
    <section className={styles.failure} aria-label="Error">
      <p>
        <strong>{error.message}</strong>
      </p>
      <p>
        {kinds.join(' · ')}
        {stepId !== null && (
          <>
            {' in '}
            <button type="button" onClick={() => onStep(stepId)}>
              {stepId}
            </button>
          </>
        )}
        {error.retryable === true && ' · may be tried again'}
      </p>
      {error.stackTrace !== null && (
        <details>
          <summary>Stack trace</summary>
          <pre tabIndex={0}>{error.stackTrace}</pre>
        </details>
      )}
    </section>
  )
}
