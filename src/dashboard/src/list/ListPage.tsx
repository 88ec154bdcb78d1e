import { lazy, Suspense, useId, useRef } from 'react'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Icon } from '../components/Icon.tsx'
import { lazyPage } from '../components/lazyPage.ts'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { Notice } from '../components/Notice.tsx'
import { useMediaQuery } from '../components/useMediaQuery.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import type { ExportFormat } from '../model/exports.ts'
import { EVERYTHING } from '../model/filter.ts'
import { toFilterInput } from '../model/filterInput.ts'
import { formatCount, formatTotal } from '../model/numbers.ts'
import type { Rows } from '../model/rows.ts'
import { filterOf } from '../model/scope.ts'
import type { SearchState } from '../model/searchProgress.ts'
import { inOrder, NO_SELECTION, toggleAll } from '../model/selection.ts'
import { sortBy } from '../model/sorting.ts'
import { titleOfList } from '../model/titles.ts'
import { ExecutionTable } from './ExecutionTable.tsx'
import styles from './ListPage.module.css'
import type { Execution } from './operations.ts'
import { ExportMenu } from './ExportMenu.tsx'
import { ExportStatus } from './ExportStatus.tsx'
import { ListHistogram } from './ListHistogram.tsx'
import { useShowsFacets, useShowsHistogram, useShowsNewAtOnce } from './preferences.ts'
import { SearchStatus } from './SearchStatus.tsx'
import { Skeleton } from './Skeleton.tsx'
import { Toolbar } from './Toolbar.tsx'
import { useExecutions } from './useExecutions.ts'
import { useExport } from './useExport.ts'
import { useView } from './useView.ts'

// Not part of the first load: most visits need none of them.
const Facets = lazy(() => import('./Facets.tsx'))
const GettingStarted = lazyPage(() => import('./GettingStarted.tsx'))
const SelectionBar = lazy(() => import('./SelectionBar.tsx'))

/** The page of the list: the executions of the view in the URL, live. */
export function ListPage() {
  const { view, problem, change } = useView()
  const { list, snapshot } = useExecutions(view, useShowsNewAtOnce())
  const exporting = useExport()
  const isNarrow = useMediaQuery('(max-width: 640px)')
  const [showsFacets, showFacets] = useShowsFacets(isNarrow)
  const input = useRef<HTMLInputElement>(null)
  const facetsId = useId()
  const [showsHistogram, showHistogram] = useShowsHistogram()
  const histogramId = useId()
  const { rows, error, waiting, search, selection } = snapshot
  const chosen = selection.ids.size === 0 ? [] : inOrder(selection, rows?.rows.map((row) => row.executionId) ?? [])
  // Without rows there is nothing to count.
  const hasHistogram = showsHistogram && (rows === null ? error === null : rows.rows.length > 0)
  useTitle(titleOfList(filterOf(view), waiting))
  useShortcuts({ '/': () => input.current?.focus(), n: () => list.showNew() })

  const exportAll = (format: ExportFormat): void => {
    exporting.start({ filter: toFilterInput(filterOf(view), Date.now()), order: view.order }, format)
  }
  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">{messages.list.title}</h1>
      <Toolbar view={view} change={change} inputRef={input} />
      {problem !== null && <ErrorBanner>{problem}</ErrorBanner>}
      {rows !== null && error !== null && <ErrorBanner onRetry={() => void list.read()}>{error}</ErrorBanner>}
      <div className={styles.summary}>
        <Button
          kind="quiet"
          aria-expanded={showsFacets}
          aria-controls={showsFacets && !isNarrow ? facetsId : undefined}
          onClick={() => showFacets(!showsFacets)}
        >
          <Icon name="facets" />
          {messages.list.facets}
        </Button>
        <Button
          kind="quiet"
          className={styles.toggle ?? ''}
          aria-expanded={showsHistogram}
          aria-controls={hasHistogram ? histogramId : undefined}
          onClick={() => showHistogram(!showsHistogram)}
        >
          <Icon name="chart" />
          <span>{messages.list.histogram}</span>
        </Button>
        <p className={styles.count} role="status">
          {rows !== null && nameTotal(rows, search)}
        </p>
        {search !== null && <SearchStatus search={search} order={view.order} onSearch={list.searchFurther} />}
        {waiting > 0 && (
          <button type="button" className={styles.newRows} onClick={() => list.showNew()}>
            <Icon name="up" />
            {messages.list.newRows(formatCount(waiting))}
          </button>
        )}
        <LiveIndicator status={snapshot.status} behindSeconds={snapshot.behindSeconds} />
        <ExportStatus exporting={exporting} />
        <ExportMenu onExport={exportAll} />
      </div>
      {hasHistogram && (
        <section id={histogramId} className={styles.histogram} aria-label={messages.list.histogram}>
          {/* The rows come first; its space is there from the beginning. */}
          {rows !== null && <ListHistogram view={view} change={change} />}
        </section>
      )}
      {chosen.length > 0 && (
        <Suspense fallback={null}>
          <SelectionBar
            ids={chosen}
            onExport={(format) => exporting.start({ ids: chosen, order: view.order }, format)}
            onAll={() =>
              list.changeSelection((before) => toggleAll(before, rows?.rows.map((row) => row.executionId) ?? []))
            }
            onClear={() => list.changeSelection(() => NO_SELECTION)}
          />
        </Suspense>
      )}
      <div className={styles.body}>
        {showsFacets && (
          // The button names what it controls.
          <Suspense fallback={<aside id={facetsId} className={isNarrow ? undefined : styles.rail} hidden={isNarrow} />}>
            <Facets
              view={view}
              sheet={isNarrow ? () => showFacets(false) : null}
              id={facetsId}
              onFilter={(filter) => change({ filter })}
            />
          </Suspense>
        )}
        <div className={styles.content}>
          {rows === null ? (
            error === null ? (
              <Skeleton columns={view.columns} />
            ) : (
              <Notice
                kind="error"
                title={messages.list.failed}
                action={<Button onClick={() => void list.read()}>{messages.list.tryAgain}</Button>}
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
              onPlace={list.keepPlace}
              filter={view.filter}
              selection={selection}
              onFilter={(filter) => change({ filter })}
              onSelection={list.changeSelection}
              onSort={(field) => change({ order: sortBy(view.order, field) })}
              onLoadMore={list.loadMoreNow}
            />
          )}
        </div>
      </div>
    </div>
  )
}

/** The number of matches, as far as they have been counted. */
function nameTotal({ rows, total, totalIsExact }: Rows<Execution>, search: SearchState | null): string {
  const isSoFar = search !== null && !totalIsExact
  const count = isSoFar ? Math.max(total, rows.length) : total
  const shown = isSoFar ? formatCount(count) : formatTotal(count, totalIsExact)
  const name = messages.list.total(shown, count === 1)
  return isSoFar ? messages.list.soFar(name) : name
}

interface NoMatchesProps {
  isSearching: boolean
  isFiltered: boolean
  onClear: () => void
}

function NoMatches({ isSearching, isFiltered, onClear }: NoMatchesProps) {
  if (isSearching) return <Notice kind="empty" title={messages.list.noMatchesSoFar} />
  if (!isFiltered) {
    return (
      <Suspense fallback={null}>
        <GettingStarted />
      </Suspense>
    )
  }
  return (
    <Notice
      kind="empty"
      title={messages.list.noMatches}
      action={<Button onClick={onClear}>{messages.list.showAll}</Button>}
    >
      {messages.list.stillWatching}
    </Notice>
  )
}
