import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useMemo, useRef, type KeyboardEvent } from 'react'
import { messages } from '../messages/messages.ts'
import type { Selection } from '../model/detailSelection.ts'
import type { TimelineRow } from '../model/stepRows.ts'
import { dependenciesOf, indexRows, spanOf, spanOfGroup } from '../model/timeline.ts'
import type { Range } from '../model/timeWindow.ts'
import { Minimap } from './Minimap.tsx'
import type { Step } from './operations.ts'
import { Ruler } from './Ruler.tsx'
import styles from './Timeline.module.css'
import { GroupBar, StepBars } from './TimelineRows.tsx'
import type { Select } from './useSelection.ts'
import type { TimeWindow } from './useTimeWindow.ts'
import { useWheelZoom, ZOOM_STEP } from './useWheelZoom.ts'

interface TimelineProps {
  rows: readonly TimelineRow<Step>[]
  /** The time of all steps, also of those that have no row. */
  all: Range
  now: number
  time: TimeWindow
  critical: ReadonlySet<string>
  selection: Selection
  select: Select
  onToggle: (group: string) => void
}

// In pixels; as in Timeline.module.css.
const ROW_HEIGHT = 28
const OVERSCAN = 8
// Rows whose dependencies are drawn together: the drawing stays while one scrolls through them.
const DRAWN_TOGETHER = 64
// The part of the shown time that one key moves.
const PAN_STEP = 0.2

/** A row for each step, with bars from its start to its end or, while it runs, to now; lines connect dependencies. */
export function Timeline({ rows, all, now, time, critical, selection, select, onToggle }: TimelineProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const track = useRef<HTMLSpanElement>(null)
  const byId = useMemo(() => indexRows(rows), [rows])
  const groupSpans = useMemo(
    () => new Map(rows.flatMap((row) => (row.type === 'group' ? [[row.key, spanOfGroup(row.steps, now)]] : []))),
    [rows, now],
  )
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing that it returns is passed to memoised components
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    getItemKey: (index) => rows[index]?.key ?? index,
  })
  const selected = selection.step === null ? -1 : (byId.get(selection.step) ?? -1)
  const selectedRow = rows[selected]
  const dependencies = new Set(selectedRow?.type === 'step' ? selectedRow.latest.dependsOn : [])

  useWheelZoom(
    scroller,
    (factor, clientX) => {
      const { left = 0, width = 1 } = track.current?.getBoundingClientRect() ?? {}
      time.zoom(factor, Math.min(1, Math.max(0, (clientX - left) / width)))
    },
    (target) => target.closest('[data-ruler]') !== null,
  )

  // A link to a step shows it, wherever it is.
  const isListed = selected >= 0
  useEffect(() => {
    if (isListed) virtual.scrollToIndex(selected)
    // eslint-disable-next-line react-hooks/exhaustive-deps -- not when steps that come before it are added
  }, [selection.step, isListed, virtual])

  // A row that is scrolled to can have the focus once it is rendered.
  const focused = useRef<number | null>(null)
  useEffect(() => {
    const row = scroller.current?.querySelector<HTMLElement>(`[data-index="${focused.current ?? ''}"] > button`)
    if (!row) return
    row.focus({ preventScroll: true })
    focused.current = null
  })

  function focusRow(event: KeyboardEvent, by: number): void {
    const item = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-index]') : null
    if (item === null) return
    event.preventDefault()
    const index = Math.min(rows.length - 1, Math.max(0, Number(item.dataset.index) + by))
    focused.current = index
    virtual.scrollToIndex(index)
    const row = scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"] > button`)
    row?.focus({ preventScroll: true })
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const isZoomed = !time.isAll
    const actions: Partial<Record<string, () => void>> = {
      '+': () => time.zoom(1 / ZOOM_STEP),
      '=': () => time.zoom(1 / ZOOM_STEP),
      '-': () => time.zoom(ZOOM_STEP),
      '0': () => time.show(null),
      // While all is shown, they scroll where the page is too narrow.
      ...(isZoomed && { ArrowLeft: () => time.pan(-PAN_STEP), ArrowRight: () => time.pan(PAN_STEP) }),
    }
    const action = actions[event.key]
    if (action !== undefined) {
      event.preventDefault()
      action()
    } else if (event.key === 'ArrowDown') focusRow(event, 1)
    else if (event.key === 'ArrowUp') focusRow(event, -1)
  }

  const items = virtual.getVirtualItems()
  const first = Math.floor((items[0]?.index ?? 0) / DRAWN_TOGETHER) * DRAWN_TOGETHER
  const drawn = Math.ceil(((items.at(-1)?.index ?? -1) + 1) / DRAWN_TOGETHER) * DRAWN_TOGETHER
  const last = Math.min(rows.length, drawn) - 1
  return (
    <>
      <Minimap rows={rows} all={all} now={now} time={time} scroller={scroller} />
      <div
        className={styles.scroller}
        ref={scroller}
        tabIndex={0}
        role="region"
        aria-label={messages.detail.timeline.label}
        aria-describedby="timeline-help"
        onKeyDown={onKeyDown}
      >
        <div className={styles.timeline}>
          <Ruler all={all} time={time} track={track} />
          <ol className={styles.rows} style={{ height: virtual.getTotalSize() }}>
            <DependencyLines
              rows={rows}
              byId={byId}
              shown={time.shown}
              now={now}
              first={first}
              last={last}
              selected={selected}
            />
            {items.map(({ index, start, key }) => {
              const row = rows[index]
              return row === undefined ? null : (
                <li
                  key={key}
                  data-index={index}
                  aria-posinset={index + 1}
                  aria-setsize={rows.length}
                  style={{ transform: `translateY(${start}px)` }}
                >
                  {row.type === 'group' ? (
                    <GroupBar row={row} span={groupSpans.get(row.key) ?? null} shown={time.shown} onToggle={onToggle} />
                  ) : (
                    <StepBars
                      row={row}
                      shown={time.shown}
                      now={now}
                      isSelected={index === selected}
                      isDependency={dependencies.has(row.key)}
                      isCritical={critical.has(row.key)}
                      select={select}
                    />
                  )}
                </li>
              )
            })}
          </ol>
        </div>
      </div>
      <p id="timeline-help" className={styles.help}>
        {messages.detail.timeline.help}
      </p>
    </>
  )
}

interface DependencyLinesProps {
  rows: readonly TimelineRow<Step>[]
  byId: ReadonlyMap<string, number>
  shown: Range
  now: number
  /** The rows whose dependencies are drawn. */
  first: number
  last: number
  selected: number
}

const DependencyLines = memo(function DependencyLines(props: DependencyLinesProps) {
  const { rows, byId, shown, now, first, last, selected } = props
  const length = shown.to - shown.from
  const spanAt = (index: number): Range | null => {
    const row = rows[index]
    if (row?.type !== 'step') return null
    const [start, end] = [spanOf(row.attempts[0], now), spanOf(row.latest, now)]
    return start && { from: start.from, to: (end ?? start).to }
  }
  // Beyond the edges, where they are cut off.
  const across = (at: number): number => Math.min(110, Math.max(-10, ((at - shown.from) / length) * 100))
  const lines = dependenciesOf(rows, byId, { first, last, selected }).flatMap(({ from, to }) => {
    const [before, after] = [spanAt(from), spanAt(to)]
    if (before === null || after === null) return []
    return [{ from, to, path: `M${across(before.to)} ${from - first + 0.5}V${to - first + 0.5}H${across(after.from)}` }]
  })
  const count = Math.max(1, last - first + 1)
  return (
    <svg
      className={styles.dependencies}
      style={{ top: first * ROW_HEIGHT, height: count * ROW_HEIGHT }}
      viewBox={`0 0 100 ${count}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {lines.map(({ from, to, path }) => (
        <path key={`${from}-${to}`} d={path} data-selected={selected === from || selected === to} />
      ))}
    </svg>
  )
})
