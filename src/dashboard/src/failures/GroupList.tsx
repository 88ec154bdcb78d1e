import { useState } from 'react'
import { Link } from 'wouter'
import { LineChart } from '../charts/LineChart.tsx'
import { Sparkline } from '../charts/Sparkline.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { inGroup } from '../model/errorGroups.ts'
import { formatCount } from '../model/numbers.ts'
import { listPath, workflowPath } from '../model/paths.ts'
import { printScope, type Scope } from '../model/scope.ts'
import { Actions, Written, type Annotate, type Viewer } from './Annotations.tsx'
import styles from './FailuresPage.module.css'
import { GroupRuns } from './GroupRuns.tsx'
import type { Bucket, ErrorGroup } from './operations.ts'

interface GroupListProps {
  /** The accessible name of the list. */
  label: string
  groups: readonly ErrorGroup[]
  buckets: readonly Bucket[]
  scope: Scope
  viewer: Viewer
  onAnnotate: Annotate
  /** Called with a range of time that was chosen in a trend, in milliseconds. */
  onBrush: (start: number, end: number) => void
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

function Group({ group, buckets, scope, viewer, onAnnotate, onBrush }: GroupProps) {
  const words = messages.failures
  const [isOpen, setOpen] = useState(false)
  const message = group.message === '' ? (group.code ?? group.type ?? words.noMessage) : group.message
  const count = formatCount(group.count)
  const ofGroup = { ...scope, filter: inGroup(scope.filter, group.id) }
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
      <div className={styles.trend}>
        <Sparkline
          label={words.trend(count, formatCount(Math.max(0, ...group.series)))}
          values={group.series}
          tone="FAILED"
        />
      </div>
      <Link className={styles.count} href={listPath(printScope(ofGroup))} aria-label={words.runsOf(count, message)}>
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
      <details className={styles.details} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          {words.details}
          <span className="visually-hidden">: {message}</span>
        </summary>
        {isOpen && (
          <div className={styles.opened}>
            {group.sample?.error != null && (
              <div role="group" aria-label={words.message}>
                <h3>{words.message}</h3>
                <pre className={styles.text}>{group.sample.error.message}</pre>
              </div>
            )}
            <GroupRuns scope={ofGroup} count={group.count} />
            <div>
              <h3>{words.counts}</h3>
              <LineChart
                name={words.counts}
                buckets={toTimes(buckets)}
                lines={[{ name: words.count, tone: 'FAILED', values: group.series }]}
                height={72}
                format={formatCount}
                onBrush={onBrush}
              />
            </div>
          </div>
        )}
      </details>
    </li>
  )
}

function toTimes(buckets: readonly Bucket[]): { start: number; end: number }[] {
  return buckets.map(({ start, end }) => ({ start: Date.parse(start), end: Date.parse(end) }))
}
