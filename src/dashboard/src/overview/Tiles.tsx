import { Link } from 'wouter'
import { messages } from '../messages/messages.ts'
import type { Filter } from '../model/filter.ts'
import { formatCost, formatCount, formatDuration } from '../model/numbers.ts'
import { changeOf, countOf, listOf } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import type { Past, Present } from './operations.ts'
import styles from './OverviewPage.module.css'
import { failedOf } from './overviewStore.ts'

export const FAILED: Filter = { field: 'status', operator: 'in', values: ['FAILED', 'TIMED_OUT'] }
const RUNNING: Filter = { field: 'status', operator: 'in', values: ['RUNNING'] }
// Of what stands still, as shares.
const NO_CHANGE = 0.005

interface TilesProps {
  scope: Scope
  /** Null until it has been read. */
  present: Present | null
  before: Past['before'] | null
}

/** The numbers that matter most, each against the period before; each leads to its executions. */
export function Tiles({ scope, present, before }: TilesProps) {
  const words = messages.overview
  const of = <T,>(read: (totals: Past['before']) => T): [T | null, T | null] => [
    present && read(present),
    before && read(before),
  ]
  const [rate, rateBefore] = of((totals) => totals.successRate)
  return (
    <ul className={styles.tiles}>
      <Tile
        name={words.running}
        path={listOf(scope, RUNNING)}
        values={of((totals) => countOf(totals.byStatus, 'RUNNING'))}
        format={formatCount}
      />
      <Tile
        name={words.failed}
        path={listOf(scope, FAILED)}
        values={of(failedOf)}
        format={formatCount}
        good="less"
        tone={present !== null && failedOf(present) > 0 ? 'bad' : undefined}
      />
      <Tile
        name={words.successRate}
        path={listOf(scope)}
        values={[rate, rateBefore]}
        format={formatShare}
        good="more"
        change={rate === null || rateBefore === null ? null : rate - rateBefore}
      />
      <Tile
        name={words.p95}
        path={listOf(scope, undefined, 'DURATION')}
        values={of((totals) => totals.duration.p95)}
        format={formatDuration}
        good="less"
      />
      <Tile
        name={words.cost}
        path={listOf(scope, undefined, 'TOTAL_COST')}
        values={of((totals) => totals.totalCost)}
        format={formatCost}
      />
    </ul>
  )
}

interface TileProps {
  name: string
  path: string
  /** Now and in the period before; null where there is none or it is not known yet. */
  values: readonly [number | null, number | null]
  format: (value: number) => string
  /** Which change is good news, if any. */
  good?: 'more' | 'less'
  tone?: 'bad' | undefined
  /** The change as a share, where it is not relative to the value before. */
  change?: number | null
}

function Tile({ name, path, values: [now, before], format, good, tone, change = changeOf(now, before) }: TileProps) {
  const words = messages.overview
  return (
    <li>
      <Link className={styles.tile} href={path}>
        <span className={styles.name}>{name}</span>
        <strong data-tone={tone}>{now === null ? '–' : format(now)}</strong>
        <span className={styles.change} title={before === null ? undefined : words.before(format(before))}>
          {change !== null && <Change share={change} good={good} />}
          {change === null && before !== null && words.before(format(before))}
        </span>
      </Link>
    </li>
  )
}

function Change({ share, good }: { share: number; good: 'more' | 'less' | undefined }) {
  const words = messages.overview
  if (Math.abs(share) < NO_CHANGE) return words.same
  const direction = share > 0 ? 'more' : 'less'
  const tone = good === undefined ? undefined : direction === good ? 'good' : 'bad'
  return (
    <span data-tone={tone}>
      <span aria-hidden="true">{share > 0 ? '↑' : '↓'} </span>
      {words[direction](formatShare(Math.abs(share)))}
    </span>
  )
}

/** A share as `98.5 %`. */
export function formatShare(share: number): string {
  const percent = share * 100
  return `${percent >= 10 && percent < 99 ? Math.round(percent) : Number(percent.toFixed(1))} %`
}
