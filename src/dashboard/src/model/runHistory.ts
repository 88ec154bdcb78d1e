import type { SchemaType } from '../graphql/schemaTypes.ts'
import { endedWithoutSuccess, hasEnded, type Status } from './status.ts'

/** The ids of two runs to compare, in the order in which they were chosen. */
export type Pair = readonly string[]

/** `chosen` with or without `id`: at most two, of which the earlier one gives way. */
export function choose(chosen: Pair, id: string): Pair {
  return chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen.slice(-1), id]
}

/** How high each bar is, from 0 to 1, for durations in seconds: the longest is 1, and even the shortest is seen. */
export function heightsOf(durations: readonly (number | null)[]): number[] {
  const longest = Math.max(...durations.map((each) => each ?? 0))
  return durations.map((each) => (longest > 0 ? Math.max(LEAST, (each ?? 0) / longest) : LEAST))
}

const LEAST = 0.08

/** How many failed or timed out. */
export function failuresIn(byStatus: readonly { status: SchemaType<'ExecutionStatus'>; count: number }[]): number {
  return byStatus.reduce((sum, { status, count }) => sum + (isFailure(status) ? count : 0), 0)
}

/** How the newest run that has ended did so, of `runs` from the newest on; null where none has. */
export function latestEnd(runs: readonly { readonly status: Status }[]): Status | null {
  return runs.find(({ status }) => hasEnded(status))?.status ?? null
}

function isFailure(status: Status): boolean {
  return endedWithoutSuccess(status) && status !== 'CANCELLED'
}

/** The place that a key leads to from `at` among `count` in a row; null for other keys. */
export function placeAfter(key: string, at: number, count: number): number | null {
  const places: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: count - 1 }
  const place = places[key]
  return place === undefined ? null : Math.min(count - 1, Math.max(0, place))
}
