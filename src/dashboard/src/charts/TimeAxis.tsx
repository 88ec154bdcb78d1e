import { useNow } from '../components/useNow.ts'
import { useZone } from '../components/ZoneContext.ts'
import { formatDate } from '../model/dates.ts'
import styles from './Chart.module.css'

/** The times at the start, the middle and the end of a chart. */
export function TimeAxis({ buckets }: { buckets: readonly { start: number; end: number }[] }) {
  const now = useNow()
  const zone = useZone()
  const [first, last] = [buckets[0], buckets.at(-1)]
  if (first === undefined || last === undefined) return null
  const middle = buckets[Math.floor(buckets.length / 2)]
  const times = [first.start, ...(middle === undefined || buckets.length < 3 ? [] : [middle.start]), last.end]
  return (
    <div className={styles.axis} aria-hidden="true">
      {times.map((time) => (
        // Of today without seconds.
        <span key={time}>{formatDate(time, now, zone).replace(/^(\d\d:\d\d):\d\d$/, '$1')}</span>
      ))}
    </div>
  )
}
