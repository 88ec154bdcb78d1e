import { memo } from 'react'
import { Histogram } from '../charts/Histogram.tsx'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { printTime } from '../model/dates.ts'
import { only } from '../model/facets.ts'
import { listPath } from '../model/paths.ts'
import { printView, type View } from '../model/view.ts'
import styles from './ListPage.module.css'
import { useHistogram } from './useHistogram.ts'

const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone
// In pixels. It leaves the page to the rows.
const HEIGHT = 56

interface ListHistogramProps {
  view: View
  change: (changes: Partial<View>) => void
}

/** When the executions of the list were created, by status: a range of time that is chosen in it becomes that of the list. */
export const ListHistogram = memo(function ListHistogram({ view, change }: ListHistogramProps) {
  const zone = useZone()
  const { buckets, isEstimate, hasFailed } = useHistogram(view, zone ?? LOCAL_ZONE)
  const words = messages.list
  if (buckets === null) return hasFailed ? <p className={styles.hint}>{words.histogramFailed}</p> : null
  return (
    <>
      <Histogram
        name={words.byStatus}
        buckets={buckets}
        height={HEIGHT}
        onBrush={(start, end) => change({ since: printTime(start), until: printTime(end) })}
        pathOf={(status) => listPath(printView({ ...view, filter: only(view.filter, 'status', status) }))}
      />
      {isEstimate && <p className={styles.hint}>{words.estimated}</p>}
    </>
  )
})
