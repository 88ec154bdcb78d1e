import { STATUSES, type Status } from './status.ts'

/** How many executions of each status there are in a part of a range of time; times in milliseconds. */
export interface Bucket {
  readonly start: number
  readonly end: number
  readonly counts: Readonly<Partial<Record<Status, number>>>
}

// The share of a chart that may be empty.
const MOSTLY = 0.75

/** A part of a bar: from `bottom` up to `top`, both shares of the height of the chart. */
export interface Segment {
  readonly status: Status
  readonly bottom: number
  readonly top: number
}

// What one looks for stands on the common ground of all bars, where heights can be compared.
const FROM_BOTTOM: readonly Status[] = ['FAILED', 'TIMED_OUT', 'CANCELLED', 'PAUSED', 'PENDING', 'RUNNING', 'COMPLETED']

/** A part of the `series` of the API's statistics. */
interface SeriesBucket {
  readonly start: string
  readonly end: string
  readonly byStatus: readonly { readonly status: Status; readonly count: number }[]
}

/** The buckets of the `series` of the API's statistics. */
export function toBuckets(series: readonly SeriesBucket[]): Bucket[] {
  return series.map(({ start, end, byStatus }) => ({
    start: Date.parse(start),
    end: Date.parse(end),
    counts: Object.fromEntries(byStatus.map(({ status, count }) => [status, count])),
  }))
}

/** `bucket` with those that failed or timed out alone. */
export function onlyFailures({ start, end, counts }: Bucket): Bucket {
  return { start, end, counts: { FAILED: counts.FAILED ?? 0, TIMED_OUT: counts.TIMED_OUT ?? 0 } }
}

/** Where the bars begin, if most of the chart before them is empty; otherwise null. */
export function startOfBars(buckets: readonly Bucket[]): number | null {
  const first = buckets.findIndex((bucket) => countAll(bucket) > 0)
  return first < buckets.length * MOSTLY ? null : (buckets[first]?.start ?? null)
}

/** How many executions there are in a bucket. */
export function countAll({ counts }: Bucket): number {
  return STATUSES.reduce((sum, status) => sum + (counts[status] ?? 0), 0)
}

/** How many executions of each status there are in all buckets; statuses that none has are left out. */
export function countStatuses(buckets: readonly Bucket[]): ReadonlyMap<Status, number> {
  const sums = STATUSES.map((status): [Status, number] => [
    status,
    buckets.reduce((sum, { counts }) => sum + (counts[status] ?? 0), 0),
  ])
  return new Map(sums.filter(([, count]) => count > 0))
}

/** The parts of the bar of `bucket`, from the ground up, where the chart is as high as `most` executions. */
export function stack(bucket: Bucket, most: number): Segment[] {
  let bottom = 0
  return FROM_BOTTOM.flatMap((status) => {
    const count = bucket.counts[status] ?? 0
    if (count === 0 || most === 0) return []
    const segment = { status, bottom, top: bottom + count / most }
    bottom = segment.top
    return [segment]
  })
}

/** The least of 1, 2, 2.5 and 5 times a power of ten that is no less than `value`: where an axis ends. */
export function roundUp(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= value * (1 - 1e-9)) ?? 10) * power
}
