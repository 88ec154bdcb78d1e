import { useRef } from 'react'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Icon } from '../components/Icon.tsx'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { Notice } from '../components/Notice.tsx'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useTitle } from '../components/useTitle.ts'
import { EVERYTHING } from '../model/filter.ts'
import { formatCount, formatTotal } from '../model/numbers.ts'
import type { Rows } from '../model/rows.ts'
import { filterOf } from '../model/scope.ts'
import type { SearchState } from '../model/searchProgress.ts'
import { sortBy } from '../model/sorting.ts'
import { titleOfList } from '../model/titles.ts'
import { ExecutionTable } from './ExecutionTable.tsx'
import { GettingStarted } from './GettingStarted.tsx'
import styles from './ListPage.module.css'
import type { Execution } from './operations.ts'
import { useShowsNewAtOnce } from './preferences.ts'
import { SearchStatus } from './SearchStatus.tsx'
import { Skeleton } from './Skeleton.tsx'
import { Toolbar } from './Toolbar.tsx'
import { useExecutions } from './useExecutions.ts'
import { useView } from './useView.ts'

/** The page of the list: the executions of the view in the URL, live. */
export function ListPage() {
  const { view, problem, change } = useView()
  const { list, snapshot } = useExecutions(view, useShowsNewAtOnce())
  const input = useRef<HTMLInputElement>(null)
  const { rows, error, waiting, search } = snapshot
  useTitle(titleOfList(filterOf(view), waiting))
  useShortcuts({ '/': () => input.current?.focus(), n: () => list.showNew() })

  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">Executions</h1>
      <Toolbar view={view} change={change} inputRef={input} />
      {problem !== null && <ErrorBanner>{problem}</ErrorBanner>}
      {rows !== null && error !== null && <ErrorBanner onRetry={() => void list.read()}>{error}</ErrorBanner>}
      <div className={styles.summary}>
        <p className={styles.count} role="status">
          {rows !== null && nameTotal(rows, search)}
        </p>
        {search !== null && <SearchStatus search={search} order={view.order} onSearch={list.searchFurther} />}
        {waiting > 0 && (
          <button type="button" className={styles.newRows} onClick={() => list.showNew()}>
            <Icon name="up" />
            {formatCount(waiting)} new
          </button>
        )}
        <LiveIndicator status={snapshot.status} behindSeconds={snapshot.behindSeconds} />
      </div>
      <div className={styles.content}>
        {rows === null ? (
          error === null ? (
            <Skeleton columns={view.columns} />
          ) : (
            <Notice
              kind="error"
              title="Executions could not be loaded"
              action={<Button onClick={() => void list.read()}>Try again</Button>}
            >
              {error}
            </Notice>
          )
        ) : rows.rows.length === 0 ? (
          <NoMatches
            isSearching={search !== null}
            isFiltered={view.filter !== EVERYTHING || view.since !== null || view.until !== null}
            onClear={() => change({ filter: EVERYTHING, since: null, until: null })}
          />
        ) : (
          <ExecutionTable
            rows={rows}
            recoveries={snapshot.recoveries}
            hasMore={snapshot.hasMore}
            columns={view.columns}
            density={view.density}
            order={view.order}
            place={list.place}
            onSort={(field) => change({ order: sortBy(view.order, field) })}
            onLoadMore={list.loadMoreNow}
          />
        )}
      </div>
    </div>
  )
}

/** The number of matches, as far as they have been counted. */
function nameTotal({ rows, total, totalIsExact }: Rows<Execution>, search: SearchState | null): string {
  const isSoFar = search !== null && !totalIsExact
  const count = isSoFar ? Math.max(total, rows.length) : total
  const noun = count === 1 ? 'execution' : 'executions'
  return isSoFar ? `${formatCount(count)} ${noun} so far` : `${formatTotal(count, totalIsExact)} ${noun}`
}

interface NoMatchesProps {
  isSearching: boolean
  isFiltered: boolean
  onClear: () => void
}

function NoMatches({ isSearching, isFiltered, onClear }: NoMatchesProps) {
  if (isSearching) return <Notice kind="empty" title="No matches so far" />
  if (!isFiltered) return <GettingStarted />
  return (
    <Notice kind="empty" title="No executions match" action={<Button onClick={onClear}>Show all executions</Button>}>
      New matches will appear here.
    </Notice>
  )
}
