import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { formatCost, formatDuration } from '../model/numbers.ts'
import type { Statistics } from './operations.ts'
import styles from './WorkflowPage.module.css'

type Series = Statistics['series']

/** How long the runs took and what they cost over time: as bars, and as a table. */
export function OverTime({ series }: { series: Series }) {
  const words = messages.workflow
  const hasCost = series.some((bucket) => bucket.totalCost > 0)
  const p95 = series.map((bucket) => bucket.duration.p95 ?? 0)
  const p50 = series.map((bucket) => bucket.duration.p50 ?? 0)
  return (
    <>
      <Bars name={words.durations} behind={p95} values={p50} format={formatDuration} />
      <p className={styles.legend}>
        <span className={styles.front} /> {words.p50} <span className={styles.behind} /> {words.p95}
      </p>
      {hasCost && <Bars name={words.costs} values={series.map((bucket) => bucket.totalCost)} format={formatCost} />}
      <details>
        <summary className={styles.summary}>{words.asTable}</summary>
        <div className={styles.scroller} role="region" aria-label={`${words.overTime}: ${words.asTable}`} tabIndex={0}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{words.from}</th>
                <th scope="col">{words.runs}</th>
                <th scope="col">{words.p50}</th>
                <th scope="col">{words.p95}</th>
                <th scope="col">{words.costs}</th>
              </tr>
            </thead>
            <tbody>
              {series
                .filter((bucket) => bucket.count > 0)
                .map((bucket) => (
                  <tr key={bucket.start}>
                    <td>
                      <Timestamp at={bucket.start} />
                    </td>
                    <td className={styles.number}>{bucket.count}</td>
                    <td className={styles.number}>{durationOf(bucket.duration.p50)}</td>
                    <td className={styles.number}>{durationOf(bucket.duration.p95)}</td>
                    <td className={styles.number}>{bucket.totalCost > 0 && formatCost(bucket.totalCost)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  )
}

interface BarsProps {
  name: string
  values: readonly number[]
  /** Greater values, drawn behind. */
  behind?: readonly number[]
  format: (value: number) => string
}

function Bars({ name, values, behind = [], format }: BarsProps) {
  const most = Math.max(...values, ...behind)
  const label = messages.workflow.upTo(name, format(most))
  const bars = (of: readonly number[], className: string | undefined) =>
    of.map((value, place) => {
      const height = most > 0 ? value / most : 0
      return <rect key={place} className={className} x={place + 0.1} y={1 - height} width={0.8} height={height} />
    })
  return (
    <figure className={styles.bars}>
      <figcaption>{label}</figcaption>
      {/* Time runs from left to right in every language. */}
      <svg viewBox={`0 0 ${values.length} 1`} preserveAspectRatio="none" role="img" aria-label={label}>
        {bars(behind, styles.behind)}
        {bars(values, styles.front)}
      </svg>
    </figure>
  )
}

function durationOf(seconds: number | null): string {
  return seconds === null ? '' : formatDuration(seconds)
}
