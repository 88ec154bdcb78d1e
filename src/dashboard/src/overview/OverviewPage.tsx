import { useMemo, useRef, useState } from 'react'
import { Bar } from '../bar/Bar.tsx'
import { useScope } from '../bar/useScope.ts'
import { Histogram } from '../charts/Histogram.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { LiveIndicator } from '../components/LiveIndicator.tsx'
import { Notice } from '../components/Notice.tsx'
import { useIcon } from '../components/useIcon.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useTitle } from '../components/useTitle.ts'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { printTime } from '../model/dates.ts'
import { toBuckets } from '../model/histogram.ts'
import { formatCount } from '../model/numbers.ts'
import { countOf, listOf, usualDurations, withRange } from '../model/overview.ts'
import { overviewPath } from '../model/paths.ts'
import { titleOfOverview } from '../model/titles.ts'
import type { Present } from './operations.ts'
import styles from './OverviewPage.module.css'
import { failedOf } from './overviewStore.ts'
import { Empty, Failed } from './Problems.tsx'
import { Tiles } from './Tiles.tsx'
import { NewErrors, StuckOrSilent } from './TroubleCards.tsx'
import { useOverview } from './useOverview.ts'
import { Costs, FailsMost, SlowerThanUsual } from './WorkflowCards.tsx'

const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone
// Failures of as many that are half as many again as before are shown in the icon of the page.
const LEAST_FAILURES = 3
const WORSE = 1.5

/** The start page: what the executions of the scope in the address add up to, against before, live. */
export default function OverviewPage() {
  const { scope: addressed, problem, change } = useScope(overviewPath)
  const [openedAt] = useState(Date.now)
  const scope = useMemo(() => withRange(addressed, openedAt), [addressed, openedAt])
  // The filter and range that may be estimated from a sample.
  const [sampled, setSampled] = useState<typeof scope | null>(null)
  const zone = useZone()
  const { store, snapshot } = useOverview(scope, zone ?? LOCAL_ZONE, sampled === scope)
  const input = useRef<HTMLInputElement>(null)
  const { present, past, error, status } = snapshot
  const usual = useMemo(() => usualDurations(past?.usual.groups ?? []), [past])
  const [failed, running] = present === null ? [0, 0] : [failedOf(present), countOf(present.byStatus, 'RUNNING')]
  const isWorse = past !== null && failed >= LEAST_FAILURES && failed > failedOf(past.before) * WORSE
  useTitle(titleOfOverview(failed, running))
  useIcon(isWorse ? 'FAILED' : null)
  useShortcuts({ '/': () => input.current?.focus() })
  const words = messages.overview

  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">{words.title}</h1>
      <Bar scope={scope} onChange={change} inputRef={input} hasAnyTime={false} />
      {problem !== null && <ErrorBanner>{problem}</ErrorBanner>}
      {error !== null && present !== null && (
        <ErrorBanner onRetry={() => void store.read()}>{error.message}</ErrorBanner>
      )}
      {error !== null && present === null ? (
        <Failed
          failure={error}
          onRetry={() => void store.read()}
          onShorten={(since) => change({ since, until: null })}
          onSample={() => setSampled(scope)}
        />
      ) : (
        <div className={styles.content}>
          <Tiles scope={scope} present={present} before={past?.before ?? null} />
          <section className={`${styles.card ?? ''} ${styles.wide ?? ''}`} aria-label={words.byStatus}>
            <div className={styles.head}>
              <h2>{words.byStatus}</h2>
              <span className={styles.hint}>{present !== null && describeBasis(present)}</span>
              {present !== null && present.basis !== 'SAMPLED' && <LiveIndicator status={status} behindSeconds={0} />}
            </div>
            {present === null ? (
              <Notice kind="loading" title={messages.app.loading} />
            ) : present.count === 0 ? (
              <Empty scope={scope} hasAny={snapshot.hasAny} onChange={change} />
            ) : (
              <Histogram
                name={words.byStatus}
                buckets={toBuckets(present.series)}
                onBrush={(start, end) => change({ since: printTime(start), until: printTime(end) })}
                pathOf={(each) => listOf(scope, { field: 'status', operator: 'in', values: [each] })}
              />
            )}
          </section>
          {present !== null && present.count > 0 && (
            <>
              <FailsMost scope={scope} groups={present.failing} />
              <NewErrors scope={scope} trouble={snapshot.trouble} error={snapshot.troubleError} />
              <SlowerThanUsual scope={scope} groups={present.common} usual={usual} error={snapshot.pastError} />
            </>
          )}
          {present !== null && (
            <StuckOrSilent scope={scope} trouble={snapshot.trouble} usual={usual} error={snapshot.troubleError} />
          )}
          {present !== null && present.count > 0 && <Costs scope={scope} groups={present.costly} />}
        </div>
      )}
    </div>
  )
}

function describeBasis({ count, basis, relativeError }: Present): string {
  const total = messages.overview.total(formatCount(count))
  if (basis !== 'SAMPLED') return total
  return `${total}. ${messages.overview.sampled(`${((relativeError ?? 0) * 100).toFixed(1)} %`)}`
}
