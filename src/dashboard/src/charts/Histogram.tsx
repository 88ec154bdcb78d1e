import { Link } from 'wouter'
import { useNow } from '../components/useNow.ts'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { formatSpan } from '../model/dates.ts'
import { countAll, countStatuses, roundUp, stack, type Bucket } from '../model/histogram.ts'
import { formatBriefly, formatCount } from '../model/numbers.ts'
import { nameStatus, STATUSES, type Status } from '../model/status.ts'
import styles from './Chart.module.css'
import { ChartTable } from './ChartTable.tsx'
import { TimeAxis } from './TimeAxis.tsx'
import { usePlot } from './usePlot.ts'

interface HistogramProps {
  /** The accessible name, such as `Executions by status`. */
  name: string
  buckets: readonly Bucket[]
  /** In pixels. */
  height?: number
  /** Called with a range of time that was chosen, in milliseconds. */
  onBrush?: (start: number, end: number) => void
  /** Where the status of the legend leads to. */
  pathOf?: (status: Status) => string
  /** Whether it is a strip, without legend and table. */
  isStrip?: boolean
}

/**
 * Bars of the executions of each status over time; a range of time can be chosen by pointer and by keyboard.
 *
 * Plain SVG: there are at most 100 bars, their colours follow the theme, and nothing needs to be loaded or measured.
 */
export function Histogram(props: HistogramProps) {
  const { name, buckets, height = 120, onBrush, pathOf, isStrip = false } = props
  const now = useNow()
  const zone = useZone()
  const most = roundUp(Math.max(0, ...buckets.map(countAll)))
  const totals = countStatuses(buckets)

  function describe(place: number): string {
    const bucket = buckets[place]
    if (bucket === undefined) return ''
    const counts = STATUSES.flatMap((status) => {
      const count = bucket.counts[status] ?? 0
      return count === 0 ? [] : [`${formatCount(count)} ${nameStatus(status).toLowerCase()}`]
    })
    const span = formatSpan(bucket.start, bucket.end, now, zone)
    return `${span}: ${counts.length === 0 ? messages.charts.none : counts.join(', ')}`
  }

  function handleBrush(first: number, last: number): void {
    const [from, to] = [buckets[first], buckets[last]]
    if (from !== undefined && to !== undefined) onBrush?.(from.start, to.end)
  }

  const { cursor, selection, attributes } = usePlot(
    buckets.length,
    describe,
    onBrush === undefined ? undefined : handleBrush,
  )
  return (
    <div className={styles.chart}>
      {!isStrip && (
        <div className={styles.head}>
          <ul className={styles.legend}>
            {[...totals].map(([status, count]) => (
              <li key={status}>
                <LegendEntry status={status} count={count} path={pathOf?.(status)} />
              </li>
            ))}
          </ul>
          <span className={styles.reading}>{readingOf(cursor, selection, describe, onBrush !== undefined)}</span>
        </div>
      )}
      <div
        {...attributes}
        className={`${styles.plot ?? ''} ${onBrush === undefined ? '' : (styles.brushable ?? '')}`}
        style={{ height }}
        aria-label={onBrush === undefined ? name : messages.charts.brushable(name)}
        title={isStrip && cursor !== null ? describe(cursor) : undefined}
      >
        <svg viewBox={`0 0 ${Math.max(1, buckets.length)} 1`} preserveAspectRatio="none" aria-hidden="true">
          {buckets.map((bucket, place) =>
            stack(bucket, most).map(({ status, bottom, top }) => (
              <rect
                key={`${bucket.start} ${status}`}
                className={styles[status]}
                x={place + 0.08}
                width={0.84}
                y={1 - top}
                height={top - bottom}
              />
            )),
          )}
          {selection !== null && (
            <rect
              className={styles.selection}
              x={selection[0]}
              width={selection[1] - selection[0] + 1}
              y={0}
              height={1}
            />
          )}
          {cursor !== null && <rect className={styles.cursor} x={cursor} width={1} y={0} height={1} />}
        </svg>
        {!isStrip && <span className={styles.most}>{formatBriefly(most)}</span>}
      </div>
      <TimeAxis buckets={buckets} />
      {!isStrip && (
        <ChartTable
          name={name}
          head={[messages.charts.time, ...[...totals.keys()].map(nameStatus), messages.charts.all]}
          rows={() =>
            buckets.map((bucket) => [
              formatSpan(bucket.start, bucket.end, now, zone),
              ...[...totals.keys()].map((status) => formatCount(bucket.counts[status] ?? 0)),
              formatCount(countAll(bucket)),
            ])
          }
        />
      )}
    </div>
  )
}

function LegendEntry({ status, count, path }: { status: Status; count: number; path: string | undefined }) {
  const content = (
    <>
      <span data-key className={styles[status]} />
      {nameStatus(status)} {formatCount(count)}
    </>
  )
  return path === undefined ? content : <Link href={path}>{content}</Link>
}

function readingOf(
  cursor: number | null,
  selection: readonly [number, number] | null,
  describe: (place: number) => string,
  isBrushable: boolean,
): string {
  if (selection !== null && selection[0] !== selection[1]) return messages.charts.choosing
  if (cursor !== null) return describe(cursor)
  return isBrushable ? messages.charts.brushHint : ''
}
