import { useState, type KeyboardEvent } from 'react'
import { Link } from 'wouter'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { nameDate } from '../model/dates.ts'
import { formatCost, formatDuration } from '../model/numbers.ts'
import { comparePath, executionPath } from '../model/paths.ts'
import { choose, heightsOf, placeAfter, type Pair } from '../model/runHistory.ts'
import { nameStatus } from '../model/status.ts'
import type { Run } from './operations.ts'
import styles from './WorkflowPage.module.css'

/** The latest runs as a strip of bars, and as a table; any two of them can be compared. */
export function History({ runs }: { runs: readonly Run[] }) {
  const words = messages.workflow
  const [chosen, setChosen] = useState<readonly Run[]>([])
  const ids = chosen.map(({ executionId }) => executionId)
  const onChoose = (run: Run): void => {
    const known = [...chosen, run]
    setChosen(choose(ids, run.executionId).flatMap((id) => known.find(({ executionId }) => executionId === id) ?? []))
  }
  // As it is now; one that newer runs have pushed out stays as it was.
  const shown = chosen.map((run) => runs.find(({ executionId }) => executionId === run.executionId) ?? run)
  return (
    <>
      <p className={styles.faint}>{words.historyHint}</p>
      <Strip runs={runs.toReversed()} chosen={ids} onChoose={onChoose} />
      <div className={styles.chosen} role="status" aria-label={words.chosen}>
        {shown.map((run) => (
          <p key={run.executionId} className={styles.facts}>
            <StatusBadge status={run.status} />
            <Timestamp at={run.createdAt} />
            <span>{durationOf(run)}</span>
            <Link href={executionPath(run.executionId)}>{run.name ?? run.executionId}</Link>
          </p>
        ))}
        {shown[0] !== undefined &&
          (shown[1] === undefined ? (
            <p className={styles.faint}>{words.chooseAnother}</p>
          ) : (
            <Link href={comparePath(shown[0].executionId, shown[1].executionId)}>{words.compare}</Link>
          ))}
      </div>
      <details>
        <summary className={styles.summary}>{words.asTable}</summary>
        <RunTable runs={runs} chosen={ids} onChoose={onChoose} />
      </details>
    </>
  )
}

interface RunsProps {
  runs: readonly Run[]
  chosen: Pair
  onChoose: (run: Run) => void
}

/** One bar for each run, the oldest first: arrows, Home and End move among them, Enter and Space choose. */
function Strip({ runs, chosen, onChoose }: RunsProps) {
  const zone = useZone()
  // Null until the focus was moved: the newest is the first to be reached. By its id, since runs are added.
  const [focused, setFocused] = useState<string | null>(null)
  const place = runs.findIndex(({ executionId }) => executionId === focused)
  const at = place === -1 ? runs.length - 1 : place
  const heights = heightsOf(runs.map((run) => run.durationSeconds))

  function handleKey(event: KeyboardEvent<HTMLElement>): void {
    const next = placeAfter(event.key, at, runs.length)
    if (next === null) return
    event.preventDefault()
    event.currentTarget.querySelectorAll('button')[next]?.focus()
  }

  return (
    // Time runs from left to right in every language.
    <div
      className={styles.strip}
      dir="ltr"
      role="toolbar"
      aria-label={messages.workflow.latest(runs.length)}
      onKeyDown={handleKey}
    >
      {runs.map((run, index) => {
        const name = messages.workflow.run(nameStatus(run.status), nameDate(run.createdAt, zone), durationOf(run))
        return (
          <button
            key={run.executionId}
            type="button"
            className={styles.bar}
            data-status={run.status}
            aria-label={name}
            title={name}
            aria-pressed={chosen.includes(run.executionId)}
            tabIndex={index === at ? 0 : -1}
            onFocus={() => setFocused(run.executionId)}
            onClick={() => onChoose(run)}
          >
            <span style={{ height: `${(heights[index] ?? 0) * 100}%` }} />
          </button>
        )
      })}
    </div>
  )
}

function RunTable({ runs, chosen, onChoose }: RunsProps) {
  const words = messages.workflow
  const zone = useZone()
  return (
    <div className={styles.scroller} role="region" aria-label={words.latest(runs.length)} tabIndex={0}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{words.choose}</th>
            <th scope="col">{words.status}</th>
            <th scope="col">{words.created}</th>
            <th scope="col">{words.duration}</th>
            <th scope="col">{words.cost}</th>
            <th scope="col">{words.error}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.executionId}>
              <td>
                <input
                  type="checkbox"
                  checked={chosen.includes(run.executionId)}
                  aria-label={words.select(nameDate(run.createdAt, zone))}
                  onChange={() => onChoose(run)}
                />
              </td>
              <td>
                <StatusBadge status={run.status} />
              </td>
              <td>
                <Link href={executionPath(run.executionId)}>
                  <Timestamp at={run.createdAt} />
                </Link>
              </td>
              <td className={styles.number}>{durationOf(run)}</td>
              <td className={styles.number}>{run.totalCost > 0 && formatCost(run.totalCost)}</td>
              <td className={styles.text}>{run.error?.message}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function durationOf(run: Run): string {
  return run.durationSeconds === null ? '' : formatDuration(run.durationSeconds)
}
