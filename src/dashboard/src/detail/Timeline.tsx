import { formatDuration } from '../model/quantities.ts'
import { layOut } from '../model/timeline.ts'
import { useNow } from '../parts/clock.ts'
import { Duration } from '../parts/Duration.tsx'
import { StatusIcon } from '../parts/StatusBadge.tsx'
import { nameStatus } from '../model/status.ts'
import type { Step } from './operations.ts'
import styles from './Timeline.module.css'

interface TimelineProps {
  steps: readonly Step[]
  startedAt: string | null
  selected: string | null
  onSelect: (stepId: string | null) => void
}

/** The steps below one another, each as a bar where it lay in time. */
export function Timeline({ steps, startedAt, selected, onSelect }: TimelineProps) {
  const now = useNow()
  if (steps.length === 0) return <p className={styles.none}>No step has been recorded.</p>
  const { bars, seconds } = layOut(steps, startedAt === null ? null : Date.parse(startedAt), now)
  const awaited = new Set(steps.find((step) => step.stepId === selected)?.dependsOn)

  return (
    <div className={styles.timeline}>
      <div className={styles.scale} aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share}>{formatDuration(seconds * share)}</span>
        ))}
      </div>
      <ul>
        {steps.map((step) => {
          const bar = bars.get(step.stepId)
          const isSelected = step.stepId === selected
          return (
            <li key={step.stepId}>
              <button
                type="button"
                className={styles.step}
                aria-pressed={isSelected}
                data-awaited={awaited.has(step.stepId) ? '' : undefined}
                title={step.dependsOn.length > 0 ? `Waits for ${step.dependsOn.join(', ')}` : undefined}
                onClick={() => onSelect(isSelected ? null : step.stepId)}
              >
                <span className={styles.name}>
                  <StatusIcon status={step.status} />
                  <span className="visually-hidden">{nameStatus(step.status)}</span>
                  <span className={styles.words}>{step.name}</span>
                  {step.attempt > 1 && <span className={styles.attempt}>try {step.attempt}</span>}
                </span>
                <span className={styles.track}>
                  {bar !== undefined && (
                    <span
                      className={styles.bar}
                      data-status={step.status}
                      style={{ left: `${bar.start * 100}%`, width: `${bar.length * 100}%` }}
                    />
                  )}
                </span>
                <span className={styles.duration}>
                  <Duration
                    seconds={step.durationSeconds}
                    startedAt={step.startedAt}
                    isRunning={step.status === 'RUNNING'}
                  />
                </span>
              </button>
            </li>
          )
        })}
      </ul>
    </div>
  )
}
