import { useState } from 'react'
import { Notice } from '../components/Notice.tsx'
import type { Step } from './operations.ts'
import { StepPanel } from './StepPanel.tsx'
import styles from './Steps.module.css'
import { Timeline } from './Timeline.tsx'

/** The steps of an execution in time, and beside them the one that is looked at. */
export function Steps({ steps, hasEnded }: { steps: readonly Step[]; hasEnded: boolean }) {
  const [chosen, choose] = useState<string | null>(null)
  if (steps.length === 0) {
    return (
      <Notice kind="empty" title="No steps yet">
        {hasEnded ? 'It ended without one.' : 'They appear here as soon as they begin.'}
      </Notice>
    )
  }
  const step = steps.find((each) => each.stepId === chosen)
  return (
    <div className={styles.steps} data-open={step !== undefined}>
      <Timeline steps={steps} chosen={chosen} onChoose={choose} />
      {step !== undefined && <StepPanel key={step.stepId} step={step} steps={steps} onChoose={choose} />}
    </div>
  )
}
