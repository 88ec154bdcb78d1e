import { Link } from 'wouter'
import { Sparkline } from '../charts/Sparkline.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { inGroup } from '../model/errorGroups.ts'
import { narrow, type Condition } from '../model/filter.ts'
import { formatCost, formatCount, formatDuration } from '../model/numbers.ts'
import { FAILURES_PATH, listPath } from '../model/paths.ts'
import { failuresIn } from '../model/runHistory.ts'
import { printScope, type Scope } from '../model/scope.ts'
import type { ErrorGroup, Group, Step } from './operations.ts'
import styles from './WorkflowPage.module.css'

interface ErrorsProps {
  groups: readonly ErrorGroup[]
  /** That of the page with the workflow in its filter. */
  scope: Scope
}

/** What the runs fail with, most frequent first. */
export function Errors({ groups, scope }: ErrorsProps) {
  const words = messages.workflow
  if (groups.length === 0) return <p className={styles.faint}>{words.noErrors}</p>
  return (
    <>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{words.message}</th>
            <th scope="col">{words.trend}</th>
            <th scope="col">{words.times}</th>
            <th scope="col">{words.last}</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.id}>
              <td className={styles.text}>
                {group.isNew && <span className={styles.new}>{words.new}</span>}{' '}
                {group.message || (group.code ?? group.type ?? words.noMessage)}
              </td>
              <td>
                <Sparkline
                  label={words.trendOf(formatCount(group.count), formatCount(Math.max(0, ...group.series)))}
                  values={group.series}
                  tone="FAILED"
                />
              </td>
              <td className={styles.number}>
                <Link href={listPath(printScope({ ...scope, filter: inGroup(scope.filter, group.id) }))}>
                  {formatCount(group.count)}
                </Link>
              </td>
              <td className={styles.number}>
                <Timestamp at={group.lastSeenAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Link href={`${FAILURES_PATH}?${printScope(scope)}`}>{words.allErrors}</Link>
    </>
  )
}

/** The steps that take longest, with the share of the longest as a bar. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  const words = messages.workflow
  if (steps.length === 0) return <p className={styles.faint}>{words.noSteps}</p>
  const hasCost = steps.some((each) => each.totalCost > 0)
  const longest = Math.max(...steps.map((each) => each.duration.mean ?? 0))
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">{words.step}</th>
          <th scope="col">{words.mean}</th>
          <th scope="col">{words.p95}</th>
          <th scope="col" data-minor>
            {words.times}
          </th>
          <th scope="col">{words.failures}</th>
          {hasCost && <th scope="col">{words.cost}</th>}
        </tr>
      </thead>
      <tbody>
        {steps.map((step) => (
          <tr key={step.name}>
            <td className={styles.text}>
              {step.name} {step.kind !== null && <span className={styles.faint}>{step.kind}</span>}
              <Share of={step.duration.mean ?? 0} among={longest} />
            </td>
            <td className={styles.number}>{durationOf(step.duration.mean)}</td>
            <td className={styles.number}>{durationOf(step.duration.p95)}</td>
            <td className={styles.number} data-minor>
              {formatCount(step.count)}
            </td>
            <td className={styles.number}>{step.failedCount > 0 && formatCount(step.failedCount)}</td>
            {hasCost && <td className={styles.number}>{step.totalCost > 0 && formatCost(step.totalCost)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

interface GroupsProps {
  /** What the groups have in common. */
  name: string
  field: 'triggeredBy' | 'userId'
  groups: readonly Group[]
  scope: Scope
}

/** The runs by what or who started them, with the share of all as a bar. */
export function Groups({ name, field, groups, scope }: GroupsProps) {
  const words = messages.workflow
  const most = Math.max(1, ...groups.map((each) => each.count))
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">{name}</th>
          <th scope="col">{words.times}</th>
          <th scope="col">{words.failures}</th>
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => {
          const condition: Condition =
            group.value === null
              ? { field, operator: 'isNull', values: ['true'] }
              : { field, operator: 'eq', values: [group.value] }
          const failed = failuresIn(group.byStatus)
          return (
            <tr key={group.value}>
              <td className={styles.text}>
                {group.value ?? words.noValue}
                <Share of={group.count} among={most} />
              </td>
              <td className={styles.number}>
                <Link href={listPath(printScope({ ...scope, filter: narrow(scope.filter, condition) }))}>
                  {formatCount(group.count)}
                </Link>
              </td>
              <td className={styles.number}>{failed > 0 && formatCount(failed)}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function Share({ of, among }: { of: number; among: number }) {
  return <span className={styles.share} style={{ inlineSize: `${among > 0 ? (of / among) * 100 : 0}%` }} />
}

function durationOf(seconds: number | null): string {
  return seconds === null ? '' : formatDuration(seconds)
}
