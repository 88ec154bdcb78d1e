import { Link } from 'wouter'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { inGroup } from '../model/errorGroups.ts'
import { formatCount } from '../model/numbers.ts'
import { executionPath, listPath, workflowPath } from '../model/paths.ts'
import { printScope, type Scope } from '../model/scope.ts'
import { Actions, Written, type Annotate, type Viewer } from './Annotations.tsx'
import styles from './FailuresPage.module.css'
import type { Bucket, ErrorGroup } from './operations.ts'
import { Trend, TrendTable } from './Trend.tsx'

interface GroupListProps {
  /** The accessible name of the list. */
  label: string
  groups: readonly ErrorGroup[]
  buckets: readonly Bucket[]
  scope: Scope
  viewer: Viewer
  onAnnotate: Annotate
}

/** Error groups: what they have in common, their trend, and what people wrote about them. */
export function GroupList({ label, groups, ...rest }: GroupListProps) {
  return (
    <ul className={styles.list} aria-label={label}>
      {groups.map((group) => (
        <Group key={group.id} group={group} {...rest} />
      ))}
    </ul>
  )
}

interface GroupProps extends Omit<GroupListProps, 'label' | 'groups'> {
  group: ErrorGroup
}

function Group({ group, buckets, scope, viewer, onAnnotate }: GroupProps) {
  const words = messages.failures
  const message = group.message === '' ? (group.code ?? group.type ?? words.noMessage) : group.message
  const count = formatCount(group.count)
  const runs = listPath(printScope({ ...scope, filter: inGroup(scope.filter, group.id) }))
  return (
    <li className={styles.group}>
      <div className={styles.what}>
        <h2 className={styles.message}>{message}</h2>
        <p className={styles.facts}>
          <span
            className={group.isNew ? styles.new : styles.known}
            title={group.isNew ? words.newHint : words.knownHint}
          >
            {group.isNew ? words.new : words.known}
          </span>
          {group.code !== null && <code>{group.code}</code>}
          {group.type !== null && <code>{group.type}</code>}
          {group.workflowNames.map((name) => (
            <Link key={name} href={workflowPath(name, printScope(scope))}>
              {name}
            </Link>
          ))}
        </p>
        <Written group={group} />
      </div>
      <Trend counts={group.series} />
      <Link className={styles.count} href={runs} aria-label={words.runsOf(count, message)}>
        {words.runs(count)}
      </Link>
      <dl className={styles.times}>
        <dt>{words.first}</dt>
        <dd>
          <Timestamp at={group.firstSeenAt} />
        </dd>
        <dt>{words.last}</dt>
        <dd>
          <Timestamp at={group.lastSeenAt} />
        </dd>
      </dl>
      <Actions group={group} message={message} viewer={viewer} onAnnotate={onAnnotate} />
      <details className={styles.details}>
        <summary>
          {words.details}
          <span className="visually-hidden">: {message}</span>
        </summary>
        {group.sample !== null && <Sample sample={group.sample} />}
        <TrendTable counts={group.series} buckets={buckets} />
      </details>
    </li>
  )
}

function Sample({ sample }: { sample: NonNullable<ErrorGroup['sample']> }) {
  return (
    <div className={styles.sample}>
      <p className={styles.facts}>
        <Link href={executionPath(sample.executionId)}>{messages.failures.sample}</Link>
        <StatusBadge status={sample.status} />
        <span>{sample.workflowName}</span>
        <Timestamp at={sample.createdAt} />
      </p>
      {sample.error !== null && <pre className={styles.text}>{sample.error.message}</pre>}
    </div>
  )
}
