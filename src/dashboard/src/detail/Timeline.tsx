import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
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
  onSelect: (id: string | null) => void
}

// In pixels; as in Timeline.module.css.
const ROW_HEIGHT = 28

/** A bar for each step, from its start to its end or, while it runs, to now; lines connect dependencies. */
export function Timeline({ steps, selected, onSelect }: TimelineProps) {
  const now = useNow()
  const isOver = steps.every((step) => hasEnded(step.status))
  // Once all steps have ended, the layout no longer changes.
  const time = isOver ? 0 : now
  const layout = useMemo(() => layOut(steps, time), [steps, time])
  const scroller = useRef<HTMLDivElement>(null)
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing that it returns is passed to memoised components
  const virtual = useVirtualizer({
    count: steps.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 20,
    getItemKey: (index) => steps[index]?.id ?? index,
  })
  const dependencies = new Set(steps.find((step) => step.id === selected)?.dependsOn)

  return (
    <div className={styles.scroller} ref={scroller} tabIndex={0} role="region" aria-label="Timeline">
      <div className={styles.timeline}>
        <Axis layout={layout} />
        <ol className={styles.rows} style={{ height: virtual.getTotalSize() }}>
          <DependencyLines
            layout={layout}
            count={steps.length}
            selected={steps.findIndex((step) => step.id === selected)}
          />
          {virtual.getVirtualItems().map(({ index, start, key }) => {
            const step = steps[index]
            return step === undefined ? null : (
              <li
                key={key}
                aria-posinset={index + 1}
                aria-setsize={steps.length}
                style={{ transform: `translateY(${start}px)` }}
              >
                <StepRow
                  step={step}
                  position={layout.bars[index]?.position ?? null}
                  isSelected={step.id === selected}
                  isDependency={dependencies.has(step.stepId)}
                  onSelect={onSelect}
                />
              </li>
            )
          })}
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

interface StepRowProps {
  step: Step
  position: { left: number; width: number } | null
  isSelected: boolean
  isDependency: boolean
  onSelect: (id: string | null) => void
}

function StepRow({ step, position, isSelected, isDependency, onSelect }: StepRowProps) {
  return (
    <button
      type="button"
      className={styles.row}
      aria-pressed={isSelected}
      data-dependency={isDependency}
      onClick={() => onSelect(isSelected ? null : step.id)}
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
        {position !== null && (
          <span
            className={styles.bar}
            data-status={step.status}
            style={{ left: `${position.left * 100}%`, width: `${position.width * 100}%` }}
          />
        )}
      </span>
      <span className={styles.seconds}>
        {step.startedAt !== null && (
          <Duration seconds={step.durationSeconds} startedAt={step.startedAt} isRunning={step.status === 'RUNNING'} />
        )}
      </span>
    </button>
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
