import { formatCost, formatCount } from '../model/quantities.ts'
import { Button } from '../parts/Button.tsx'
import { Icon } from '../parts/Icon.tsx'
import { Moment } from '../parts/Moment.tsx'
import { StatusBadge } from '../parts/StatusBadge.tsx'
import styles from './DetailPage.module.css'
import { JsonView } from './JsonView.tsx'
import type { Step } from './operations.ts'

interface StepPanelProps {
  step: Step
  payload: { input: unknown; result: unknown } | null
  mayRead: boolean | null
  onClose: () => void
}

/** One step: how it went, what went in and what came out. */
export function StepPanel({ step, payload, mayRead, onClose }: StepPanelProps) {
  return (
    <aside className={styles.panel} aria-label={`Step ${step.name}`}>
      <header>
        <h3>{step.name}</h3>
        <StatusBadge status={step.status} />
        <Button kind="quiet" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </Button>
      </header>
      <p className={styles.faint}>
        <code>{step.stepId}</code>
        {step.kind !== null && ` · ${step.kind}`}
        {step.attempt > 1 && ` · try ${step.attempt}`}
        {step.cost > 0 && ` · ${formatCost(step.cost)}`}
        {step.tokensUsed > 0 && ` · ${formatCount(step.tokensUsed)} tokens`}
      </p>
      {step.startedAt !== null && (
        <p className={styles.faint}>
          <Moment at={step.startedAt} /> to {step.completedAt === null ? 'now' : <Moment at={step.completedAt} />}
        </p>
      )}
      {step.dependsOn.length > 0 && <p className={styles.faint}>Waits for {step.dependsOn.join(', ')}</p>}
      {step.error !== null && (
        <div className={styles.failure}>
          <strong>{step.error.message}</strong>
          {step.error.stackTrace !== null && <pre tabIndex={0}>{step.error.stackTrace}</pre>}
        </div>
      )}
      {mayRead === false && <p className={styles.faint}>Your token does not allow you to see its input and result.</p>}
      {payload !== null && (
        <>
          <JsonView title="Input" value={payload.input} />
          <JsonView title="Result" value={payload.result} />
        </>
      )}
    </aside>
  )
}
