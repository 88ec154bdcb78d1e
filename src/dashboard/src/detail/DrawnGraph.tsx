import {
  memo,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
} from 'react'
import { Button } from '../components/Button.tsx'
import { Duration } from '../components/Duration.tsx'
import { Notice } from '../components/Notice.tsx'
import { StatusIcon } from '../components/StatusBadge.tsx'
import { messages } from '../messages/messages.ts'
import { nextNode, NODE_HEIGHT, NODE_WIDTH, pathOf, type GraphLayout, type Point } from '../model/graphShape.ts'
import { nameStatus } from '../model/status.ts'
import type { StepGraph } from '../model/stepGraph.ts'
import type { StepRow } from '../model/stepRows.ts'
import styles from './DrawnGraph.module.css'
import type { Step } from './operations.ts'
import { useGraphLayout } from './useGraphLayout.ts'
import type { Select } from './useSelection.ts'
import { useWheelZoom, ZOOM_STEP } from './useWheelZoom.ts'

interface DrawnGraphProps {
  rows: readonly StepRow<Step>[]
  graph: StepGraph
  selected: string | null
  select: Select
  onFailure: () => void
}

/** The graph of the steps, laid out by a worker. */
export function DrawnGraph(props: DrawnGraphProps) {
  const layout = useGraphLayout(props.graph)
  const { onFailure } = props
  useEffect(() => {
    if (layout === 'failed') onFailure()
  }, [layout, onFailure])
  if (layout === null || layout === 'failed') {
    return <Notice kind="loading" title={messages.detail.graph.layingOut} />
  }
  return <Drawing {...props} layout={layout} />
}

// Steps are readable from half their size; a larger graph is scrolled.
const SMALLEST_FIT = 0.5
const [SMALLEST, LARGEST] = [0.1, 3]
const MARGIN = 16

function Drawing({ rows, graph, selected, select, layout }: DrawnGraphProps & { layout: GraphLayout }) {
  const text = messages.detail.graph
  const scroller = useRef<HTMLDivElement>(null)
  const [scale, setScale] = useState<number | null>(null)
  // The point of the drawing that stays where it is on the screen while the scale changes.
  const anchor = useRef<{ x: number; y: number; left: number; top: number } | null>(null)
  const [focused, focus] = useState<string | null>(null)
  const entry = [focused, selected, rows[0]?.key].find((id) => id != null && layout.nodes.has(id))

  function fit(smallest: number): number {
    return fitInto(scroller.current, layout, smallest)
  }

  // The first drawing fits into its place, whose size is known once it is drawn.
  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    const observer = new ResizeObserver(() => {
      setScale((known) => known ?? fitInto(element, layout, SMALLEST_FIT))
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [layout])

  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null || anchor.current === null || scale === null) return
    const { x, y, left, top } = anchor.current
    element.scrollTo(x * scale - left, y * scale - top)
    anchor.current = null
  }, [scale])

  function zoom(factor: number, clientX?: number, clientY?: number): void {
    const element = scroller.current
    if (element === null || scale === null) return
    const box = element.getBoundingClientRect()
    const [left, top] = [
      (clientX ?? box.left + box.width / 2) - box.left,
      (clientY ?? box.top + box.height / 2) - box.top,
    ]
    anchor.current = { x: (element.scrollLeft + left) / scale, y: (element.scrollTop + top) / scale, left, top }
    setScale(Math.min(LARGEST, Math.max(SMALLEST, scale * factor)))
  }
  useWheelZoom(
    scroller,
    (factor, clientX, clientY) => zoom(1 / factor, clientX, clientY),
    () => false,
  )

  // A link to a step shows it, wherever it is.
  useEffect(() => {
    if (selected === null || scale === null) return
    nodeOf(scroller.current, selected)?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    // eslint-disable-next-line react-hooks/exhaustive-deps -- not when the scale changes
  }, [selected, scale === null])

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const from = event.target instanceof HTMLElement ? event.target.dataset.step : undefined
    const next = from === undefined ? null : nextNode(layout, graph, from, event.key)
    if (next !== null) {
      focus(next)
      nodeOf(scroller.current, next)?.focus()
    } else if (event.key === '+' || event.key === '=') zoom(ZOOM_STEP)
    else if (event.key === '-') zoom(1 / ZOOM_STEP)
    else if (event.key === '0') setScale(fit(SMALLEST))
    // At an end, an arrow must not scroll the step out of sight.
    else if (from === undefined || !event.key.startsWith('Arrow')) return
    event.preventDefault()
  }

  function drag(event: PointerEvent): void {
    if (event.buttons === 1 && event.pointerType === 'mouse') {
      scroller.current?.scrollBy(-event.movementX, -event.movementY)
    }
  }

  const [width, height] = [layout.width + 2 * MARGIN, layout.height + 2 * MARGIN]
  return (
    <>
      <div className={styles.zoom}>
        <Button aria-label={messages.detail.timeline.zoomIn} onClick={() => zoom(ZOOM_STEP)}>
          +
        </Button>
        <Button aria-label={messages.detail.timeline.zoomOut} onClick={() => zoom(1 / ZOOM_STEP)}>
          −
        </Button>
        <Button onClick={() => setScale(fit(SMALLEST))}>{messages.detail.timeline.fit}</Button>
      </div>
      <div
        ref={scroller}
        className={styles.scroller}
        tabIndex={0}
        role="region"
        aria-label={text.label}
        aria-describedby="graph-help"
        onKeyDown={onKeyDown}
        onPointerMove={drag}
      >
        <div style={{ width: width * (scale ?? 1), height: height * (scale ?? 1) }}>
          <div className={styles.drawing} style={{ width, height, transform: `scale(${scale ?? 1})` }}>
            <Edges layout={layout} selected={selected} />
            {rows.map((row) => (
              <Node
                key={row.key}
                row={row}
                at={layout.nodes.get(row.key)}
                isSelected={row.key === selected}
                isEntry={row.key === entry}
                select={select}
              />
            ))}
          </div>
        </div>
      </div>
      <p id="graph-help" className={styles.help}>
        {text.help}
      </p>
    </>
  )
}

/** The scale at which the drawing fits into `element`, within limits. */
function fitInto(element: Element | null, { width, height }: GraphLayout, smallest: number): number {
  const { clientWidth = 1, clientHeight = 1 } = element ?? {}
  const [x, y] = [clientWidth / (width + 2 * MARGIN), clientHeight / (height + 2 * MARGIN)]
  return Math.max(smallest, Math.min(1, x, y))
}

function nodeOf(root: Element | null, stepId: string): HTMLElement | null {
  return root?.querySelector<HTMLElement>(`[data-step="${CSS.escape(stepId)}"]`) ?? null
}

const Edges = memo(function Edges({ layout, selected }: { layout: GraphLayout; selected: string | null }) {
  const paths = useMemo(
    () => layout.edges.map(({ from, to, points }) => ({ from, to, path: pathOf(points) })),
    [layout],
  )
  return (
    <svg
      className={styles.edges}
      viewBox={`${-MARGIN} ${-MARGIN} ${layout.width + 2 * MARGIN} ${layout.height + 2 * MARGIN}`}
      aria-hidden="true"
    >
      {paths.map(({ from, to, path }) => (
        <path key={`${from} ${to}`} d={path} data-selected={from === selected || to === selected} />
      ))}
    </svg>
  )
})

interface NodeProps {
  row: StepRow<Step>
  at: Point | undefined
  isSelected: boolean
  isEntry: boolean
  select: Select
}

const Node = memo(function Node({ row, at, isSelected, isEntry, select }: NodeProps) {
  if (at === undefined) return null
  const { latest } = row
  const left = at[0] - NODE_WIDTH / 2 + MARGIN
  const top = at[1] - NODE_HEIGHT / 2 + MARGIN
  return (
    <button
      type="button"
      className={styles.node}
      data-step={row.key}
      data-status={latest.status}
      aria-pressed={isSelected}
      // Tab enters the graph once; arrow keys go on in it.
      tabIndex={isEntry ? 0 : -1}
      style={{ insetInlineStart: left, top, width: NODE_WIDTH, height: NODE_HEIGHT }}
      title={latest.name}
      onClick={() => select({ step: isSelected ? null : row.key })}
    >
      <StatusIcon status={latest.status} />
      <span className={styles.name}>
        <span className="visually-hidden">{nameStatus(latest.status)}: </span>
        {latest.name}
      </span>
      {latest.startedAt !== null && (
        <span className={styles.seconds}>
          <Duration
            seconds={latest.durationSeconds}
            startedAt={latest.startedAt}
            isRunning={latest.status === 'RUNNING'}
          />
        </span>
      )}
    </button>
  )
})
