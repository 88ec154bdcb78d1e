import { useMemo } from 'react'
import { formatDuration } from '../model/numbers.ts'
import { hasEnded, nameStatus } from '../model/status.ts'
import { layOut, type Timeline as Layout } from '../model/timeline.ts'
import { useNow } from '../components/useNow.ts'
import { Duration } from '../components/Duration.tsx'
import { StatusIcon } from '../components/StatusBadge.tsx'
import type { Step } from './operations.ts'
import styles from './Timeline.module.css'

interface TimelineProps {
  steps: readonly Step[]
  chosen: string | null
  onChoose: (stepId: string | null) => void
}

/** Each step a bar from its start to its end, or to now while it runs; lines lead from what a step waited for. */
export function Timeline({ steps, chosen, onChoose }: TimelineProps) {
  const now = useNow()
  const isOver = steps.every((step) => hasEnded(step.status))
  // Nothing moves once all has ended.
  const moment = isOver ? 0 : now
  const layout = useMemo(() => layOut(steps, moment), [steps, moment])
  const awaited = new Set(steps.find((step) => step.stepId === chosen)?.dependsOn)

  return (
    <div className={styles.scroller} tabIndex={0} role="region" aria-label="Timeline">
      <div className={styles.timeline}>
        <Axis layout={layout} />
        <ol className={styles.rows}>
          <Dependencies
            layout={layout}
            count={steps.length}
            chosen={steps.findIndex((step) => step.stepId === chosen)}
          />
          {steps.map((step, index) => (
            <li key={step.stepId}>
              <button
                type="button"
                className={styles.row}
                aria-pressed={step.stepId === chosen}
                data-awaited={awaited.has(step.stepId)}
                onClick={() => onChoose(step.stepId === chosen ? null : step.stepId)}
              >
                <span className={styles.name} title={step.name}>
                  <StatusIcon status={step.status} />
                  <span className="visually-hidden">{nameStatus(step.status)}: </span>
                  <span className={styles.words}>{step.name}</span>
                  {step.attempt > 1 && (
                    <span className={styles.attempt} title={`attempt ${step.attempt}`}>
                      ×{step.attempt}
                    </span>
                  )}
                </span>
                <span className={styles.track}>
                  <Bar layout={layout} index={index} step={step} />
                </span>
                <span className={styles.seconds}>
                  <Duration
                    seconds={step.durationSeconds}
                    startedAt={step.startedAt}
                    isRunning={step.status === 'RUNNING'}
                  />
                </span>
              </button>
            </li>
          ))}
        </ol>
      </div>
    </div>
  )
}

function Axis({ layout }: { layout: Layout }) {
  return (
    <div className={styles.axis} aria-hidden="true">
      <span className={styles.ticks}>
        {layout.ticks.map((tick) => (
          <span key={tick.seconds} style={{ left: `${tick.at * 100}%` }}>
            {tick.seconds === 0 ? '0' : formatDuration(tick.seconds)}
          </span>
        ))}
      </span>
    </div>
  )
}

function Bar({ layout, index, step }: { layout: Layout; index: number; step: Step }) {
  const place = layout.bars[index]?.place ?? null
  if (place === null) return null
  return (
    <span
      className={styles.bar}
      data-status={step.status}
      style={{ left: `${place.left * 100}%`, width: `${place.width * 100}%` }}
    />
  )
}

function Dependencies({ layout, count, chosen }: { layout: Layout; count: number; chosen: number }) {
  const paths = layout.dependencies.flatMap(({ from, to }) => {
    const [first, then] = [layout.bars[from]?.place, layout.bars[to]?.place]
    if (!first || !then) return []
    const end = (first.left + first.width) * 100
    return [{ from, to, path: `M${end} ${from + 0.5}V${to + 0.5}H${then.left * 100}` }]
  })
  return (
    <svg className={styles.dependencies} viewBox={`0 0 100 ${count}`} preserveAspectRatio="none" aria-hidden="true">
      {paths.map(({ from, to, path }) => (
        <path key={`${from}-${to}`} d={path} data-chosen={chosen === from || chosen === to} />
      ))}
    </svg>
  )
}
