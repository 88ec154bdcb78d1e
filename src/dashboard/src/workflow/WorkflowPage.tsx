import { useMemo, useRef, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { usePathname, useSearch } from 'wouter/use-browser-location'
import { Bar } from '../bar/Bar.tsx'
import { SavedViews } from '../bar/SavedViews.tsx'
import { useScope } from '../bar/useScope.ts'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { NotFound } from '../components/NotFound.tsx'
import { Notice } from '../components/Notice.tsx'
import { useIcon } from '../components/useIcon.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { narrow } from '../model/filter.ts'
import { formatCost, formatCount, formatDuration } from '../model/numbers.ts'
import { withRange } from '../model/overview.ts'
import { listPath, workflowNameOf } from '../model/paths.ts'
import { latestEnd } from '../model/runHistory.ts'
import { printScope, rangeOf, type Scope } from '../model/scope.ts'
import { titleOfWorkflow } from '../model/titles.ts'
import { Errors, Groups, Steps } from './Breakdowns.tsx'
import { History } from './History.tsx'
import type { Totals as Statistics } from './operations.ts'
import { OverTime } from './OverTime.tsx'
import { useWorkflow } from './useWorkflow.ts'
import styles from './WorkflowPage.module.css'

// Long enough to see what changed, and short enough to be read at once.
const USUAL_SINCE = '-7d'

/** The page of the workflow at the address. Of the address as it is: the router decodes parts of it. */
export default function WorkflowRoute() {
  const name = workflowNameOf(usePathname(), useSearch())
  if (name === null) return <NotFound />
  return <WorkflowPage key={name} name={name} />
}

/** The page of one workflow: its latest runs, how long they take and what they cost, what fails and who starts it. */
function WorkflowPage({ name }: { name: string }) {
  const words = messages.workflow
  const { scope: addressed, problem, change } = useScope()
  const [openedAt] = useState(Date.now)
  const scope = useMemo(() => withRange(addressed, openedAt, USUAL_SINCE), [addressed, openedAt])
  const ofWorkflow: Scope = useMemo(
    () => ({ ...scope, filter: narrow({ field: 'workflowName', operator: 'eq', values: [name] }, scope.filter) }),
    [scope, name],
  )
  const { snapshot, read } = useWorkflow(ofWorkflow)
  const { statistics, details, error, status } = snapshot
  const input = useRef<HTMLInputElement>(null)
  const latest = details === null ? null : latestEnd(details.executions.nodes)
  useTitle(titleOfWorkflow(name, latest))
  useIcon(latest)
  useShortcuts({ '/': () => input.current?.focus() })

  return (
    <div className={styles.page}>
      <Bar scope={scope} onChange={change} inputRef={input} hasAnyTime={false}>
        <SavedViews />
      </Bar>
      {problem !== null && <ErrorBanner>{problem}</ErrorBanner>}
      <header className={styles.header}>
        <h1>{name}</h1>
        <Link href={listPath(printScope(ofWorkflow))}>{words.allRuns}</Link>
        {statistics !== null && <LiveIndicator status={status} behindSeconds={0} />}
      </header>
      {statistics !== null && error !== null && <ErrorBanner onRetry={read}>{error}</ErrorBanner>}
      {statistics === null ? (
        <Unread error={error} onRetry={read} />
      ) : statistics.count === 0 ? (
        <Notice kind="empty" title={words.none(name)}>
          {words.noneWords}
        </Notice>
      ) : (
        <div className={styles.sections}>
          <Totals statistics={statistics} />
          <Section title={words.history} isWide>
            {details === null ? <Loading /> : <History runs={details.executions.nodes} />}
          </Section>
          <Section title={words.overTime} isWide>
            <OverTime
              series={statistics.series}
              scope={ofWorkflow}
              onBrush={(start, end) => change(rangeOf(start, end))}
            />
          </Section>
          <Section title={words.errors}>
            {details === null ? (
              <Loading />
            ) : (
              <Errors groups={details.executionStatistics.errorGroups} scope={ofWorkflow} />
            )}
          </Section>
          <Section title={words.steps} hint={words.stepsHint}>
            {details === null ? <Loading /> : <Steps steps={details.executionStatistics.steps} />}
          </Section>
          <Section title={words.starters}>
            <Groups name={words.trigger} field="triggeredBy" groups={statistics.triggers} scope={ofWorkflow} />
            <Groups name={words.owner} field="userId" groups={statistics.owners} scope={ofWorkflow} />
          </Section>
        </div>
      )}
    </div>
  )
}

function Loading() {
  return <p className={styles.faint}>{messages.components.loading}</p>
}

function Unread({ error, onRetry }: { error: string | null; onRetry: () => void }) {
  if (error === null) return <Notice kind="loading" title={messages.components.loading} />
  return (
    <Notice
      kind="error"
      title={messages.workflow.failed}
      action={<Button onClick={onRetry}>{messages.components.tryAgain}</Button>}
    >
      {error}
    </Notice>
  )
}

function Totals({ statistics }: { statistics: Statistics }) {
  const words = messages.workflow
  const { count, successRate, duration, totalCost } = statistics
  return (
    <dl className={styles.totals}>
      <Total name={words.runs}>{formatCount(count)}</Total>
      {successRate !== null && <Total name={words.successRate}>{`${(successRate * 100).toFixed(1)} %`}</Total>}
      {duration.p50 !== null && <Total name={words.typical}>{formatDuration(duration.p50)}</Total>}
      {duration.p95 !== null && (
        <Total name={words.slow} hint={words.slowHint}>
          {formatDuration(duration.p95)}
        </Total>
      )}
      {totalCost > 0 && <Total name={words.cost}>{formatCost(totalCost)}</Total>}
    </dl>
  )
}

function Total({ name, hint, children }: { name: string; hint?: string; children: string }) {
  return (
    <div title={hint}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

interface SectionProps {
  title: string
  hint?: string
  isWide?: boolean
  children: ReactNode
}

function Section({ title, hint, isWide = false, children }: SectionProps) {
  return (
    <section className={`${styles.section ?? ''} ${isWide ? (styles.wide ?? '') : ''}`} aria-label={title}>
      <h2>
        {title} {hint !== undefined && <span className={styles.faint}>{hint}</span>}
      </h2>
      {children}
    </section>
  )
}
