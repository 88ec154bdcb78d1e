import { useMemo, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { messages } from '../messages/messages.ts'
import { formatCount } from '../model/numbers.ts'
import type { Selection } from '../model/detailSelection.ts'
import { isTooLarge, toGraph } from '../model/stepGraph.ts'
import { toRows } from '../model/stepRows.ts'
import { DrawnGraph } from './DrawnGraph.tsx'
import { GraphTable } from './GraphTable.tsx'
import type { Step } from './operations.ts'
import { StepPanel } from './StepPanel.tsx'
import styles from './Steps.module.css'
import type { Select } from './useSelection.ts'

interface GraphViewProps {
  steps: readonly Step[]
  hasEnded: boolean
  selection: Selection
  select: Select
}

/** Which step waits for which: as a graph, or as a table where it is too large to draw or wanted. */
export default function GraphView({ steps, hasEnded, selection, select }: GraphViewProps) {
  const text = messages.detail.graph
  const rows = useMemo(() => toRows(steps), [steps])
  const graph = useMemo(() => toGraph(rows), [rows])
  const [wantsTable, setWantsTable] = useState(false)
  const [hasFailed, setFailed] = useState(false)
  if (rows.length === 0) {
    return <Notice kind="empty" title={hasEnded ? messages.detail.timeline.none : messages.detail.timeline.noneYet} />
  }
  const reason = isTooLarge(graph)
    ? text.tooLarge(formatCount(graph.nodes.length), formatCount(graph.edges.length))
    : graph.edges.length === 0
      ? text.noDependencies
      : hasFailed
        ? text.failed
        : null
  const row = rows.find((each) => each.key === selection.step)
  const counts = [text.steps(formatCount(graph.nodes.length)), text.dependencies(formatCount(graph.edges.length))]
  return (
    <div className={styles.steps} data-open={row !== undefined}>
      <div className={styles.timeline}>
        <div className={styles.bar}>
          <span>{reason ?? counts.join(', ')}</span>
          {reason === null && (
            <span className={styles.choice} role="group" aria-label={text.view}>
              <Button aria-pressed={!wantsTable} onClick={() => setWantsTable(false)}>
                {text.graph}
              </Button>
              <Button aria-pressed={wantsTable} onClick={() => setWantsTable(true)}>
                {text.table}
              </Button>
            </span>
          )}
        </div>
        {reason !== null || wantsTable ? (
          <GraphTable rows={rows} graph={graph} selected={selection.step} select={select} />
        ) : (
          <DrawnGraph
            rows={rows}
            graph={graph}
            selected={selection.step}
            select={select}
            onFailure={() => setFailed(true)}
          />
        )}
      </div>
      {row !== undefined && <StepPanel key={row.key} row={row} rows={rows} selection={selection} select={select} />}
    </div>
  )
}
