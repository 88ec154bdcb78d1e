import { useMemo, useRef } from 'react'
import { navigate, useSearch } from 'wouter/use-browser-location'
import { Bar } from '../bar/Bar.tsx'
import { SavedViews } from '../bar/SavedViews.tsx'
import { useScope } from '../bar/useScope.ts'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import form from '../components/form.module.css'
import { Notice } from '../components/Notice.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { useNow } from '../components/useNow.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { isMuted, isSelected, isSelection, SELECTIONS, type Selection } from '../model/errorGroups.ts'
import { formatCount } from '../model/numbers.ts'
import { filterOf, printQuery, type Scope } from '../model/scope.ts'
import { titleOfPage } from '../model/titles.ts'
import styles from './FailuresPage.module.css'
import { GroupList } from './GroupList.tsx'
import { useFailures } from './useFailures.ts'

// Who comes here looks for what fails now.
const USUAL_SINCE = '-24h'

/** The page of the failures: error groups of the scope in the address, and what people do about them. */
export default function FailuresPage() {
  const { scope, problem, change } = useScope()
  const shown: Scope = useMemo(() => ({ ...scope, since: scope.since ?? USUAL_SINCE }), [scope])
  const filter = useMemo(() => filterOf(shown), [shown])
  const { found, error, read, annotate } = useFailures(filter)
  const [selection, select] = useSelection()
  const now = useNow()
  const input = useRef<HTMLInputElement>(null)
  const groups = found?.executionStatistics.errorGroups ?? []
  useTitle(titleOfPage(messages.failures.title))
  useShortcuts({ '/': () => input.current?.focus() })

  const selected = groups.filter((each) => isSelected(each, selection, found?.viewer.userId ?? ''))
  const muted = selected.filter((each) => isMuted(each, now))
  const open = selected.filter((each) => !isMuted(each, now))
  const list = found !== null && {
    buckets: found.executionStatistics.series,
    scope: shown,
    viewer: found.viewer,
    onAnnotate: annotate,
  }

  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">{messages.failures.title}</h1>
      <Bar scope={shown} onChange={change} inputRef={input} hasAnyTime={false}>
        <SavedViews />
      </Bar>
      {problem !== null && <ErrorBanner>{problem}</ErrorBanner>}
      {found !== null && error !== null && <ErrorBanner onRetry={() => void read()}>{error}</ErrorBanner>}
      {found !== null && (
        <div className={styles.summary}>
          <p role="status">
            {messages.failures.groups(groups.length, formatCount(groups.reduce((sum, each) => sum + each.count, 0)))}
          </p>
          <label className={styles.selection}>
            {messages.failures.show}
            <select
              className={form.input}
              value={selection}
              onChange={(event) => isSelection(event.target.value) && select(event.target.value)}
            >
              {SELECTIONS.map((each) => (
                <option key={each} value={each}>
                  {messages.failures.selections[each]}
                </option>
              ))}
            </select>
          </label>
          <span className={styles.faint}>
            <Timestamp at={found.executionStatistics.asOf} />
          </span>
          <Button kind="quiet" onClick={() => void read()}>
            {messages.failures.refresh}
          </Button>
        </div>
      )}
      {list === false ? (
        <Unread error={error} onRetry={() => void read()} />
      ) : (
        <>
          {open.length > 0 && <GroupList {...list} label={messages.failures.title} groups={open} />}
          {selected.length === 0 && <None isAny={groups.length > 0} onShowAll={() => select('all')} />}
          {muted.length > 0 && (
            <details className={styles.muted}>
              <summary>{messages.failures.muted(muted.length)}</summary>
              <GroupList {...list} label={messages.failures.muted(muted.length)} groups={muted} />
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
