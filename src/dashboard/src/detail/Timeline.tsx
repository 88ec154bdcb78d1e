import { useMemo } from 'react'
import { Duration } from '../components/Duration.tsx'
import { StatusIcon } from '../components/StatusBadge.tsx'
import { useNow } from '../components/useNow.ts'
import { formatDuration } from '../model/numbers.ts'
import { hasEnded, nameStatus } from '../model/status.ts'
import { layOut, type Timeline as Layout } from '../model/timeline.ts'
import type { Step } from './operations.ts'
import styles from './Timeline.module.css'

interface TimelineProps {
  steps: readonly Step[]
  selected: string | null
  onSelect: (stepId: string | null) => void
}

/** A bar for each step, from its start to its end or, while it runs, to now; lines connect dependencies. */
export function Timeline({ steps, selected, onSelect }: TimelineProps) {
  const now = useNow()
  const isOver = steps.every((step) => hasEnded(step.status))
  // Once all steps have ended, the layout no longer changes.
  const time = isOver ? 0 : now
  const layout = useMemo(() => layOut(steps, time), [steps, time])
  const dependencies = new Set(steps.find((step) => step.stepId === selected)?.dependsOn)

  return (
    <div className={styles.scroller} tabIndex={0} role="region" aria-label="Timeline">
      <div className={styles.timeline}>
        <Axis layout={layout} />
        <ol className={styles.rows}>
          <DependencyLines
            layout={layout}
            count={steps.length}
            selected={steps.findIndex((step) => step.stepId === selected)}
          />
          {steps.map((step, index) => (
            <li key={step.stepId}>
              <button
                type="button"
                className={styles.row}
                aria-pressed={step.stepId === selected}
                data-dependency={dependencies.has(step.stepId)}
                onClick={() => onSelect(step.stepId === selected ? null : step.stepId)}
              >
                <span className={styles.name} title={step.name}>
                  <StatusIcon status={step.status} />
                  <span className="visually-hidden">{nameStatus(step.status)}: </span>
                  <span className={styles.label}>{step.name}</span>
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
          <span key={tick.seconds} style={{ left: `${tick.position * 100}%` }}>
            {tick.seconds === 0 ? '0' : formatDuration(tick.seconds)}
          </span>
        ))}
      </span>
    </div>
  )
}

function Bar({ layout, index, step }: { layout: Layout; index: number; step: Step }) {
  const position = layout.bars[index]?.position ?? null
  if (position === null) return null
  return (
    <span
      className={styles.bar}
      data-status={step.status}
      style={{ left: `${position.left * 100}%`, width: `${position.width * 100}%` }}
    />
  )
}

function DependencyLines({ layout, count, selected }: { layout: Layout; count: number; selected: number }) {
  const paths = layout.dependencies.flatMap(({ from, to }) => {
    const [first, then] = [layout.bars[from]?.position, layout.bars[to]?.position]
    if (!first || !then) return []
    const end = (first.left + first.width) * 100
    return [{ from, to, path: `M${end} ${from + 0.5}V${to + 0.5}H${then.left * 100}` }]
  })
  return (
    <svg className={styles.dependencies} viewBox={`0 0 100 ${count}`} preserveAspectRatio="none" aria-hidden="true">
      {paths.map(({ from, to, path }) => (
        <path key={`${from}-${to}`} d={path} data-selected={selected === from || selected === to} />
      ))}
    </svg>
  )
}
