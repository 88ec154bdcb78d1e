import { useNow } from '../components/useNow.ts'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { formatSpan } from '../model/dates.ts'
import { roundUp } from '../model/histogram.ts'
import { bandPath, linePath, type Value } from '../model/lines.ts'
import styles from './Chart.module.css'
import { ChartTable } from './ChartTable.tsx'
import { TimeAxis } from './TimeAxis.tsx'
import { usePlot } from './usePlot.ts'

/** One line of a chart: a value for each part of the range of time, null where there is none. */
export interface Line {
  name: string
  tone: 'accent' | 'warning' | 'soft' | 'FAILED' | 'COMPLETED'
  values: readonly Value[]
}

interface LineChartProps {
  /** The accessible name, such as `Duration`. */
  name: string
  /** The parts of the range of time, in milliseconds. */
  buckets: readonly { start: number; end: number }[]
  lines: readonly Line[]
  /** The places of two lines between which the area is filled. */
  band?: readonly [number, number]
  /** Where the axis ends; by default above the greatest value. */
  most?: number
  /** In pixels. */
  height?: number
  format: (value: number) => string
  /** Called with a range of time that was chosen, in milliseconds. */
  onBrush?: (start: number, end: number) => void
}

/** Lines over time, such as percentiles with the band between them; read by pointer, by keyboard, and as a table. */
export function LineChart(props: LineChartProps) {
  const { name, buckets, lines, band, height = 120, format, onBrush } = props
  const now = useNow()
  const zone = useZone()
  const greatest = Math.max(0, ...lines.flatMap(({ values }) => values.filter((value) => value !== null)))
  const most = props.most ?? roundUp(greatest)

  function describe(place: number): string {
    const bucket = buckets[place]
    if (bucket === undefined) return ''
    const values = lines.flatMap((line) => {
      const value = line.values[place] ?? null
      return value === null ? [] : [`${line.name} ${format(value)}`]
    })
    const span = formatSpan(bucket.start, bucket.end, now, zone)
    return `${span}: ${values.length === 0 ? messages.charts.none : values.join(', ')}`
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
  const [low, high] = band === undefined ? [] : [lines[band[0]], lines[band[1]]]
  return (
    <div className={styles.chart}>
      <div className={styles.head}>
        <ul className={styles.legend}>
          {lines.map((line) => (
            <li key={line.name}>
              <span data-key className={styles[line.tone]} />
              {line.name}
            </li>
          ))}
        </ul>
        <span className={styles.reading}>{cursor === null ? '' : describe(cursor)}</span>
      </div>
      <div
        {...attributes}
        className={`${styles.plot ?? ''} ${onBrush === undefined ? '' : (styles.brushable ?? '')}`}
        style={{ height }}
        aria-label={onBrush === undefined ? name : messages.charts.brushable(name)}
      >
        <svg viewBox={`0 0 ${Math.max(1, buckets.length)} 1`} preserveAspectRatio="none" aria-hidden="true">
          <path className={styles.grid} d={`M0 0.5H${buckets.length}`} />
          {low !== undefined && high !== undefined && (
            <path
              className={`${styles[high.tone] ?? ''} ${styles.band ?? ''}`}
              d={bandPath(low.values, high.values, most)}
            />
          )}
          {lines.map((line) => (
            <path
              key={line.name}
              className={`${styles[line.tone] ?? ''} ${styles.line ?? ''}`}
              d={linePath(line.values, most)}
            />
          ))}
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
        <span className={styles.most}>{format(most)}</span>
      </div>
      <TimeAxis buckets={buckets} />
      <ChartTable
        name={name}
        head={[messages.charts.time, ...lines.map((line) => line.name)]}
        rows={() =>
          buckets.map((bucket, place) => [
            formatSpan(bucket.start, bucket.end, now, zone),
            ...lines.map((line) => {
              const value = line.values[place] ?? null
              return value === null ? '–' : format(value)
            }),
          ])
        }
      />
    </div>
  )
}
