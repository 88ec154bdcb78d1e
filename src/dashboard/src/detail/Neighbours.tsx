import { Button } from '../components/Button.tsx'
import { messages } from '../messages/messages.ts'
import styles from './Summary.module.css'
import type { NeighbouringRuns } from './useNeighbours.ts'

/** Leads to the runs of the same workflow before and after an execution. */
export function Neighbours({ runs: { older, newer, open } }: { runs: NeighbouringRuns }) {
  const text = messages.detail.runs
  return (
    <span className={styles.neighbours} role="group" aria-label={text.label}>
      <Button disabled={newer === undefined} title={text.newerTitle} onClick={() => open(newer)}>
        {text.newer}
      </Button>
      <Button disabled={older === undefined} title={text.olderTitle} onClick={() => open(older)}>
        {text.older}
      </Button>
    </span>
  )
}
