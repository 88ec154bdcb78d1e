import { Histogram } from '../charts/Histogram.tsx'
import { LineChart, type Line } from '../charts/LineChart.tsx'
import { messages } from '../messages/messages.ts'
import { toBuckets } from '../model/histogram.ts'
import { formatCost, formatDuration } from '../model/numbers.ts'
import { listOf } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import type { Totals } from './operations.ts'
import styles from './WorkflowPage.module.css'

interface OverTimeProps {
  series: Totals['series']
  /** That of the page with the workflow in its filter. */
  scope: Scope
  /** Called with a range of time that was chosen in a chart, in milliseconds. */
  onBrush: (start: number, end: number) => void
}

/** How the runs ended, how long they took and what they cost over time. */
export function OverTime({ series, scope, onBrush }: OverTimeProps) {
  const words = messages.workflow
  const buckets = toBuckets(series)
  const durations: Line[] = [
    { name: words.p50, tone: 'accent', values: series.map(({ duration }) => duration.p50) },
    { name: words.p95, tone: 'soft', values: series.map(({ duration }) => duration.p95) },
  ]
  const costs: Line[] = [{ name: words.cost, tone: 'accent', values: series.map(({ totalCost }) => totalCost) }]
  return (
    <>
      <Histogram
        name={words.byStatus}
        buckets={buckets}
        onBrush={onBrush}
        pathOf={(each) => listOf(scope, { field: 'status', operator: 'in', values: [each] })}
      />
      <div className={styles.charts}>
        <figure>
          <figcaption>{words.durations}</figcaption>
          <LineChart
            name={words.durations}
            buckets={buckets}
            lines={durations}
            band={[0, 1]}
            format={formatDuration}
            onBrush={onBrush}
          />
        </figure>
        {series.some(({ totalCost }) => totalCost > 0) && (
          <figure>
            <figcaption>{words.costs}</figcaption>
            <LineChart name={words.costs} buckets={buckets} lines={costs} format={formatCost} onBrush={onBrush} />
          </figure>
        )}
      </div>
    </>
  )
}
