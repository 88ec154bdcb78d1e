import { useState } from 'react'
import { Notice } from '../components/Notice.tsx'
import type { Step } from './operations.ts'
import { StepPanel } from './StepPanel.tsx'
import styles from './Steps.module.css'
import { Timeline } from './Timeline.tsx'

/** The timeline of an execution, and beside it the selected step. */
export function Steps({ steps, hasEnded }: { steps: readonly Step[]; hasEnded: boolean }) {
  const [selected, select] = useState<string | null>(null)
  if (steps.length === 0) {
    return (
      <Notice kind="empty" title={hasEnded ? 'No steps' : 'No steps yet'}>
        {hasEnded ? 'The execution ended without any.' : 'Steps appear here as they start.'}
      </Notice>
    )
  }
  const step = steps.find((each) => each.id === selected)
  return (
    <div className={styles.steps} data-open={step !== undefined}>
      <Timeline steps={steps} selected={selected} onSelect={select} />
      {step !== undefined && <StepPanel key={step.id} step={step} steps={steps} onSelect={select} />}
    </div>
  )
}
