import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { formatCount } from '../model/numbers.ts'
import styles from './FailuresPage.module.css'
import type { Bucket } from './operations.ts'

// Units of the drawing, which is stretched to its place.
const HEIGHT = 32

/** How often a group occurred over time, as bars; `TrendTable` has the same in words. */
export function Trend({ counts }: { counts: readonly number[] }) {
  const peak = Math.max(1, ...counts)
  const total = counts.reduce((sum, each) => sum + each, 0)
  return (
    <svg
      className={styles.trend}
      viewBox={`0 0 ${counts.length} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={messages.failures.trend(formatCount(total), formatCount(peak))}
    >
      {counts.map((count, place) => {
        // One is seen beside many.
        const height = count === 0 ? 0 : Math.max(2, (count / peak) * HEIGHT)
        return <rect key={place} x={place + 0.1} y={HEIGHT - height} width={0.8} height={height} />
      })}
    </svg>
  )
}

/** The counts of a group by time; times without any are left out. */
export function TrendTable({ counts, buckets }: { counts: readonly number[]; buckets: readonly Bucket[] }) {
  const words = messages.failures
  const rows = buckets.flatMap((bucket, place) => {
    const count = counts[place] ?? 0
    return count === 0 ? [] : [{ ...bucket, count }]
  })
  return (
    <table className={styles.counts}>
      <caption>{words.counts}</caption>
      <thead>
        <tr>
          <th scope="col">{words.from}</th>
          <th scope="col">{words.to}</th>
          <th scope="col">{words.count}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.start}>
            <td>
              <Timestamp at={row.start} />
            </td>
            <td>
              <Timestamp at={row.end} />
            </td>
            <td>{formatCount(row.count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
