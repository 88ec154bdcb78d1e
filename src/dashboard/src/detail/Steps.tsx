import { useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { formatCount } from '../model/numbers.ts'
import { describeSteps } from '../model/steps.ts'
import type { Snapshot } from './executionDetail.ts'
import type { Step } from './operations.ts'
import { StepPanel } from './StepPanel.tsx'
import styles from './Steps.module.css'
import { Timeline } from './Timeline.tsx'

interface StepsProps {
  steps: readonly Step[]
  further: Snapshot['furtherSteps']
  /** How many steps there are, as the engine says; 0 where it does not. */
  total: number
  hasEnded: boolean
}

/** The timeline of an execution, and beside it the selected step. */
export function Steps({ steps, further, total, hasEnded }: StepsProps) {
  const [failedOnly, setFailedOnly] = useState(false)
  const [selected, select] = useState<string | null>(null)
  if (steps.length === 0) {
    return (
      <Notice kind="empty" title={hasEnded ? 'No steps' : 'No steps yet'}>
        {hasEnded ? 'The execution ended without any.' : 'Steps appear here as they start.'}
      </Notice>
    )
  }
  const failed = steps.filter((each) => each.status === 'FAILED' || each.status === 'TIMED_OUT')
  const step = steps.find((each) => each.id === selected)
  return (
    <div className={styles.steps} data-open={step !== undefined}>
      <div className={styles.timeline}>
        <div className={styles.bar}>
          <span role="status">{describeSteps(steps.length, further, total)}</span>
          {failed.length > 0 && (
            <Button aria-pressed={failedOnly} onClick={() => setFailedOnly(!failedOnly)}>
              {formatCount(failed.length)} failed
            </Button>
          )}
        </div>
        <Timeline steps={failedOnly ? failed : steps} selected={selected} onSelect={select} />
      </div>
      {step !== undefined && <StepPanel key={step.id} step={step} steps={steps} onSelect={select} />}
    </div>
  )
}
