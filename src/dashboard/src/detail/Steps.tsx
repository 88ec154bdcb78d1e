import { useCallback, useMemo, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { useNow } from '../components/useNow.ts'
import { messages } from '../messages/messages.ts'
import { criticalPathOf } from '../model/criticalPath.ts'
import { formatCount, formatDuration } from '../model/numbers.ts'
import type { Selection } from '../model/detailSelection.ts'
import { hasEnded } from '../model/status.ts'
import { GROUPINGS, groupRows, hasFailed, toRows, type Grouping } from '../model/stepRows.ts'
import { describeSteps } from '../model/steps.ts'
import { rangeOf } from '../model/timeline.ts'
import type { Snapshot } from './executionDetail.ts'
import type { Step } from './operations.ts'
import { StepPanel } from './StepPanel.tsx'
import styles from './Steps.module.css'
import { Timeline } from './Timeline.tsx'
import type { Select } from './useSelection.ts'
import { useTimeWindow, type TimeWindow } from './useTimeWindow.ts'
import { ZOOM_STEP } from './useWheelZoom.ts'

interface StepsProps {
  steps: readonly Step[]
  further: Snapshot['furtherSteps']
  /** How many steps there are, as the engine says; 0 where it does not. */
  total: number
  hasEnded: boolean
  selection: Selection
  select: Select
}

const NONE: ReadonlySet<string> = new Set()

/** The timeline of an execution, and beside it the selected step. */
export function Steps(props: StepsProps) {
  const text = messages.detail.timeline
  if (props.steps.length > 0) return <StepTimeline {...props} />
  return (
    <Notice kind="empty" title={props.hasEnded ? text.none : text.noneYet}>
      {props.hasEnded ? text.endedWithout : text.appear}
    </Notice>
  )
}

function StepTimeline({ steps, further, total, selection, select }: StepsProps) {
  const text = messages.detail.timeline
  const [only, showOnly] = useState<'failed' | 'critical' | null>(null)
  const [grouping, group] = useState<Grouping>('none')
  const [open, setOpen] = useState(NONE)
  const now = useNow()
  // Once all steps have ended, the layout no longer changes.
  const isOver = useMemo(() => steps.every((step) => hasEnded(step.status)), [steps])
  const clock = isOver ? 0 : now
  const all = useMemo(() => rangeOf(steps, clock), [steps, clock])
  const rows = useMemo(() => toRows(steps), [steps])
  const critical = useMemo(() => criticalPathOf(rows, clock), [rows, clock])
  const failed = useMemo(() => rows.filter(hasFailed), [rows])
  const shown = useMemo(() => {
    const path = critical?.stepIds ?? NONE
    const chosen = only === null ? rows : only === 'failed' ? failed : rows.filter((row) => path.has(row.key))
    return groupRows(chosen, grouping, open)
  }, [rows, failed, critical, only, grouping, open])
  const time = useTimeWindow(all)
  const toggle = useCallback((name: string) => {
    setOpen((names) =>
      names.has(name) ? new Set([...names].filter((each) => each !== name)) : new Set([...names, name]),
    )
  }, [])

  const row = rows.find((each) => each.key === selection.step)
  return (
    <div className={styles.steps} data-open={row !== undefined}>
      <div className={styles.timeline}>
        <div className={styles.bar}>
          <span role="status">{describeSteps(rows.length, further, total)}</span>
          {failed.length > 0 && (
            <Button aria-pressed={only === 'failed'} onClick={() => showOnly(only === 'failed' ? null : 'failed')}>
              {text.failed(formatCount(failed.length))}
            </Button>
          )}
          {critical !== null && (
            <Button
              aria-pressed={only === 'critical'}
              title={text.criticalTitle(formatDuration(critical.seconds), formatDuration((all.to - all.from) / 1000))}
              onClick={() => showOnly(only === 'critical' ? null : 'critical')}
            >
              {text.critical(formatDuration(critical.seconds))}
            </Button>
          )}
          {rows.length > 1 && (
            <select
              aria-label={text.grouping}
              value={grouping}
              onChange={({ target }) => group(GROUPINGS.find((each) => each === target.value) ?? 'none')}
            >
              {GROUPINGS.map((each) => (
                <option key={each} value={each}>
                  {text.groupings[each]}
                </option>
              ))}
            </select>
          )}
          <Zoom time={time} start={all.from} />
        </div>
        <Timeline
          rows={shown}
          all={all}
          now={clock}
          time={time}
          critical={critical?.stepIds ?? NONE}
          selection={selection}
          select={select}
          onToggle={toggle}
        />
      </div>
      {row !== undefined && <StepPanel key={row.key} row={row} rows={rows} selection={selection} select={select} />}
    </div>
  )
}

function Zoom({ time, start }: { time: TimeWindow; start: number }) {
  const text = messages.detail.timeline
  const { from, to } = time.shown
  return (
    <span className={styles.zoom}>
      {!time.isAll && (
        <span className={styles.shown}>
          {text.shown(formatDuration((from - start) / 1000), formatDuration((to - start) / 1000))}
        </span>
      )}
      <Button aria-label={text.zoomIn} title={text.zoomIn} onClick={() => time.zoom(1 / ZOOM_STEP)}>
        +
      </Button>
      <Button aria-label={text.zoomOut} title={text.zoomOut} disabled={time.isAll} onClick={() => time.zoom(ZOOM_STEP)}>
        −
      </Button>
      <Button disabled={time.isAll} onClick={() => time.show(null)}>
        {text.fit}
      </Button>
    </span>
  )
}
