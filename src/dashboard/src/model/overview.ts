import { resolveDate, isRelative } from './dates.ts'
import { EVERYTHING, narrow, type Filter } from './filter.ts'
import { toFilterInput, type FilterInput } from './filterInput.ts'
import { listPath } from './paths.ts'
import type { Scope } from './scope.ts'
import type { SortField } from './sorting.ts'
import type { Status } from './status.ts'
import { DEFAULT_VIEW, printView } from './view.ts'

/** The start of the range of the overview where its address has none. */
const DEFAULT_SINCE = '-24h'

const WEEK = 7 * 86_400_000
// A percentile of fewer says little.
const LEAST_NOW = 5
const LEAST_USUALLY = 20
// What takes longer than usual by less of it is noise, and so is what takes less than a second longer.
const SLOWER = 1.5
const SLOWER_SECONDS = 1
const STUCK = 3
// Without executions to compare with, something that runs for as many seconds is worth a look.
const LONG = 86_400
// Seconds without a heartbeat; engines send one in each minute or so.
const SILENT = 300

/** The filters of the range, of the range of the same length before it, and of the seven days before it. */
export interface Ranges {
  present: FilterInput
  before: FilterInput
  usual: FilterInput
}

/** How many executions have each status. */
export type StatusCounts = readonly { readonly status: Status; readonly count: number }[]

/** The executions of one workflow. */
export interface Group {
  readonly value: string | null
  readonly count: number
  readonly duration: { readonly count: number; readonly p95: number | null }
}

/** A workflow that is slower than usual; durations are 95th percentiles in seconds. */
export interface Slower {
  workflow: string
  now: number
  usual: number
}

interface Running {
  readonly executionId: string
  readonly workflowName: string
  readonly startedAt: string | null
  readonly lastHeartbeatAt: string | null
}

/** An execution that should have ended, or shown a sign of life; times in seconds. */
export interface Suspect<R extends Running> {
  execution: R
  runningFor: number
  /** The usual 95th percentile, where it runs for much longer; otherwise null. */
  usual: number | null
  /** How long ago its last heartbeat was, where that is too long; otherwise null. */
  silentFor: number | null
}

/** `scope` with a start of its range of time where its address leaves it open: that of the overview, or another. */
export function withRange(scope: Scope, now: number, since = DEFAULT_SINCE): Scope {
  if (scope.since !== null) return scope
  if (scope.until === null) return { ...scope, since }
  const end = Date.parse(resolveDate(scope.until, now))
  return { ...scope, since: resolveDate(since, end) }
}

/** The filters for `scope` at `now` (milliseconds). A range that ends now moves on with time. */
export function rangesOf({ filter, since, until }: Scope, now: number): Ranges {
  const from = since ?? DEFAULT_SINCE
  const start = Date.parse(resolveDate(from, now))
  const end = until === null ? now : Date.parse(resolveDate(until, now))
  const length = Math.max(1000, end - start)
  const moves = until === null && isRelative(from)
  const within = (createdAt: NonNullable<FilterInput['createdAt']>): FilterInput => {
    return filter === EVERYTHING ? { createdAt } : { and: [toFilterInput(filter, now), { createdAt }] }
  }
  const lasting = (milliseconds: number): FilterInput => {
    return within({ gte: new Date(start - milliseconds).toISOString(), lt: new Date(start).toISOString() })
  }
  const last = until === null ? {} : { lt: new Date(end).toISOString() }
  return {
    present: within(
      moves ? { withinSeconds: Math.round(length / 1000) } : { gte: new Date(start).toISOString(), ...last },
    ),
    before: lasting(length),
    usual: lasting(WEEK),
  }
}

/** The filter of what runs and matches `filter`, whenever it was created. */
export function runningFilter(filter: Filter, now: number): FilterInput {
  const running: FilterInput = { status: { eq: 'RUNNING' } }
  return filter === EVERYTHING ? running : { and: [toFilterInput(filter, now), running] }
}

/** The address of the list of the executions of `scope` that also match `condition`. */
export function listOf(scope: Scope, condition: Filter = EVERYTHING, sort?: SortField): string {
  const order = sort === undefined ? DEFAULT_VIEW.order : [{ field: sort, direction: 'DESC' as const }]
  return listPath(printView({ ...DEFAULT_VIEW, ...scope, filter: narrow(scope.filter, condition), order }))
}

/** How many of `counts` have one of the statuses. */
export function countOf(counts: StatusCounts, ...statuses: Status[]): number {
  return counts.reduce((sum, { status, count }) => sum + (statuses.includes(status) ? count : 0), 0)
}

/** By which share `now` is more than `before`, such as 0.5 for half as much again; null where there was nothing. */
export function changeOf(now: number | null, before: number | null): number | null {
  return now === null || before === null || before === 0 ? null : now / before - 1
}

/** The workflows that take much longer than usual, those that do most of all first. */
export function findSlower(groups: readonly Group[], usual: ReadonlyMap<string, number>): Slower[] {
  return groups
    .flatMap(({ value, duration }): Slower[] => {
      const before = value === null ? undefined : usual.get(value)
      if (value === null || before === undefined || duration.p95 === null || duration.count < LEAST_NOW) return []
      const isSlower = duration.p95 > before * SLOWER && duration.p95 - before > SLOWER_SECONDS
      return isSlower ? [{ workflow: value, now: duration.p95, usual: before }] : []
    })
    .sort((left, right) => right.now / right.usual - left.now / left.usual)
}

/** The usual 95th percentiles of the durations of workflows that ran often enough. */
export function usualDurations(groups: readonly Omit<Group, 'count'>[]): ReadonlyMap<string, number> {
  return new Map(
    groups.flatMap(({ value, duration: { count, p95 } }): [string, number][] =>
      value === null || p95 === null || count < LEAST_USUALLY ? [] : [[value, p95]],
    ),
  )
}

/** Of `running` executions those that run far longer than usual or have stopped to send heartbeats, longest first. */
export function findSuspects<R extends Running>(
  running: readonly R[],
  usual: ReadonlyMap<string, number>,
  now: number,
): Suspect<R>[] {
  return running
    .flatMap((execution): Suspect<R>[] => {
      const { startedAt, lastHeartbeatAt, workflowName } = execution
      if (startedAt === null) return []
      const runningFor = (now - Date.parse(startedAt)) / 1000
      const expected = usual.get(workflowName)
      const isStuck = runningFor > (expected === undefined ? LONG : Math.max(SLOWER_SECONDS, expected) * STUCK)
      const silence = lastHeartbeatAt === null ? 0 : (now - Date.parse(lastHeartbeatAt)) / 1000
      if (!isStuck && silence <= SILENT) return []
      return [
        {
          execution,
          runningFor,
          usual: isStuck ? (expected ?? null) : null,
          silentFor: silence > SILENT ? silence : null,
        },
      ]
    })
    .sort((left, right) => right.runningFor - left.runningFor)
}
