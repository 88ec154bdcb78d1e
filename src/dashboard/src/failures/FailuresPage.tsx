import { useMemo, useRef, useState } from 'react'
import { navigate, useSearch } from 'wouter/use-browser-location'
import { Bar } from '../bar/Bar.tsx'
import { SavedViews } from '../bar/SavedViews.tsx'
import { useScope } from '../bar/useScope.ts'
import { Histogram } from '../charts/Histogram.tsx'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import form from '../components/form.module.css'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { Notice } from '../components/Notice.tsx'
import { useIcon } from '../components/useIcon.ts'
import { useNow } from '../components/useNow.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { isMuted, isSelected, isSelection, SELECTIONS, type Selection } from '../model/errorGroups.ts'
import { onlyFailures, toBuckets } from '../model/histogram.ts'
import { formatCount } from '../model/numbers.ts'
import { listOf, withRange } from '../model/overview.ts'
import { printQuery, rangeOf } from '../model/scope.ts'
import { titleOfFailures } from '../model/titles.ts'
import styles from './FailuresPage.module.css'
import { GroupList } from './GroupList.tsx'
import { useFailures } from './useFailures.ts'

/** The page of the failures: error groups of the scope in the address, live, and what people do about them. */
export default function FailuresPage() {
  const { scope: addressed, problem, change } = useScope()
  const [openedAt] = useState(Date.now)
  // Who comes here looks for what fails now.
  const scope = useMemo(() => withRange(addressed, openedAt), [addressed, openedAt])
  const { snapshot, read, annotate } = useFailures(scope)
  const [selection, select] = useSelection()
  const now = useNow()
  const input = useRef<HTMLInputElement>(null)
  const { statistics, details, error, status } = snapshot
  const words = messages.failures
  const groups = details?.executionStatistics.errorGroups ?? []
  const fresh = groups.filter((each) => each.isNew && !isMuted(each, now)).length
  useTitle(titleOfFailures(fresh))
  useIcon(fresh > 0 ? 'FAILED' : null)
  useShortcuts({ '/': () => input.current?.focus() })

  const onBrush = (start: number, end: number): void => change(rangeOf(start, end))
  const selected = groups.filter((each) => isSelected(each, selection, details?.viewer.userId ?? ''))
  const muted = selected.filter((each) => isMuted(each, now))
  const open = selected.filter((each) => !isMuted(each, now))
  const list = details !== null && {
    buckets: details.executionStatistics.series,
    scope,
    viewer: details.viewer,
    onAnnotate: annotate,
    onBrush,
  }

  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">{words.title}</h1>
      <Bar scope={scope} onChange={change} inputRef={input} hasAnyTime={false}>
        <SavedViews />
      </Bar>
      {problem !== null && <ErrorBanner>{problem}</ErrorBanner>}
      {details !== null && error !== null && <ErrorBanner onRetry={read}>{error}</ErrorBanner>}
      {statistics !== null && groups.length > 0 && (
        <section className={styles.chart} aria-label={words.overTime}>
          <Histogram
            name={words.overTime}
            buckets={toBuckets(statistics.series).map(onlyFailures)}
            height={80}
            onBrush={onBrush}
            pathOf={(each) => listOf(scope, { field: 'status', operator: 'in', values: [each] })}
          />
        </section>
      )}
      {details !== null && (
        <div className={styles.summary}>
          <p role="status">
            {words.groups(groups.length, formatCount(groups.reduce((sum, each) => sum + each.count, 0)))}
          </p>
          <label className={styles.selection}>
            {words.show}
            <select
              className={form.input}
              value={selection}
              onChange={(event) => isSelection(event.target.value) && select(event.target.value)}
            >
              {SELECTIONS.map((each) => (
                <option key={each} value={each}>
                  {words.selections[each]}
                </option>
              ))}
            </select>
          </label>
          <LiveIndicator status={status} behindSeconds={0} />
        </div>
      )}
      {list === false ? (
        <Unread error={error} onRetry={read} />
      ) : (
        <>
          {open.length > 0 && <GroupList {...list} label={words.title} groups={open} />}
          {selected.length === 0 && <None isAny={groups.length > 0} onShowAll={() => select('all')} />}
          {muted.length > 0 && (
            <details className={styles.muted}>
              <summary>{words.muted(muted.length)}</summary>
              <GroupList {...list} label={words.muted(muted.length)} groups={muted} />
            </details>
          )}
        </>
      )}
    </div>
  )
}
function Unread({ error, onRetry }: { error: string | null; onRetry: () => void }) {
  if (error === null) return <Notice kind="loading" title={messages.failures.loading} />
  return (
    <Notice
      kind="error"
      title={messages.failures.failed}
      action={<Button onClick={onRetry}>{messages.components.tryAgain}</Button>}
    >
      {error}
    </Notice>
  )
}

function None({ isAny, onShowAll }: { isAny: boolean; onShowAll: () => void }) {
  if (!isAny)
    return (
      <Notice kind="empty" title={messages.failures.none}>
        {messages.failures.noneWords}
      </Notice>
    )
  return (
    <Notice
      kind="empty"
      title={messages.failures.noneSelected}
      action={<Button onClick={onShowAll}>{messages.failures.showAll}</Button>}
    >
      {messages.failures.noneSelectedWords}
    </Notice>
  )
}

/** The selection in the address, beside the scope. */
function useSelection(): [Selection, (selection: Selection) => void] {
  const search = useSearch()
  const named = new URLSearchParams(search).get('show')
  function select(selection: Selection): void {
    const query = new URLSearchParams(search)
    if (selection === 'all') query.delete('show')
    else query.set('show', selection)
    const printed = printQuery(query)
    navigate(printed === '' ? location.pathname : `?${printed}`)
  }
  return [isSelection(named) ? named : 'all', select]
}
