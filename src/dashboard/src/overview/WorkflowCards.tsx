import { Link } from 'wouter'
import { messages } from '../messages/messages.ts'
import { narrow, type Filter } from '../model/filter.ts'
import { formatCost, formatCount, formatDuration } from '../model/numbers.ts'
import { countOf, findSlower, listOf } from '../model/overview.ts'
import type { Scope } from '../model/scope.ts'
import { Card } from './Card.tsx'
import type { Present } from './operations.ts'
import styles from './OverviewPage.module.css'
import { failedOf } from './overviewStore.ts'
import { FAILED, formatShare } from './Tiles.tsx'

interface GroupsProps {
  scope: Scope
  groups: Present['common']
}

/** The workflows with the most failures. */
export function FailsMost({ scope, groups }: GroupsProps) {
  const words = messages.overview
  const failing = groups.filter((group) => failedOf(group) > 0)
  const most = Math.max(...failing.map(failedOf))
  return (
    <Card
      title={words.failsMost}
      empty={words.failsMostEmpty}
      rows={failing.map((group) => {
        const failed = failedOf(group)
        const ended = failed + countOf(group.byStatus, 'COMPLETED')
        return (
          <Row
            key={group.value}
            name={group.value ?? words.unnamed}
            path={listOf(scope, narrow(ofWorkflow(group.value), FAILED))}
            share={failed / most}
            tone="bad"
            value={formatCount(failed)}
            detail={`${words.failedOf(formatCount(failed), formatCount(ended))} (${formatShare(ended === 0 ? 0 : failed / ended)})`}
          />
        )
      })}
    />
  )
}

/** The workflows that take much longer than in the days before. */
export function SlowerThanUsual(props: GroupsProps & { usual: ReadonlyMap<string, number>; error: string | null }) {
  const { scope, groups, usual, error } = props
  const words = messages.overview
  return (
    <Card
      title={words.slower}
      hint={words.slowerHint}
      empty={words.slowerEmpty}
      error={error}
      rows={findSlower(groups, usual).map((each) => (
        <Row
          key={each.workflow}
          name={each.workflow}
          path={listOf(scope, ofWorkflow(each.workflow), 'DURATION')}
          value={formatDuration(each.now)}
          detail={`${words.usually(formatDuration(each.usual))} · ${words.times((each.now / each.usual).toFixed(1))}`}
        />
      ))}
    />
  )
}

/** What each workflow cost. */
export function Costs({ scope, groups }: GroupsProps) {
  const words = messages.overview
  const costly = groups.filter((group) => group.totalCost > 0)
  const most = Math.max(...costly.map((group) => group.totalCost))
  return (
    <Card
      title={words.costs}
      empty={words.costsEmpty}
      rows={costly.map((group) => (
        <Row
          key={group.value}
          name={group.value ?? words.unnamed}
          path={listOf(scope, ofWorkflow(group.value), 'TOTAL_COST')}
          share={group.totalCost / most}
          value={formatCost(group.totalCost)}
          detail={words.total(formatCount(group.count))}
        />
      ))}
    />
  )
}

interface RowProps {
  name: string
  path: string
  value: string
  detail: string
  /** The length of a bar behind the row, from 0 to 1. */
  share?: number
  tone?: 'bad'
}

function Row({ name, path, value, detail, share, tone }: RowProps) {
  return (
    <li>
      <Link className={styles.row} href={path}>
        {share !== undefined && (
          <span className={styles.bar} data-tone={tone} style={{ inlineSize: `${share * 100}%` }} aria-hidden="true" />
        )}
        <span className={styles.label}>{name}</span>
        <strong data-tone={tone}>{value}</strong>
        <span className={styles.detail}>{detail}</span>
      </Link>
    </li>
  )
}

function ofWorkflow(name: string | null): Filter {
  return name === null
    ? { field: 'workflowName', operator: 'isNull', values: ['true'] }
    : { field: 'workflowName', operator: 'eq', values: [name] }
}
