import { useState } from 'react'
import { useLocation } from 'wouter'
import { useSearch } from 'wouter/use-browser-location'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import form from '../components/form.module.css'
import { Notice } from '../components/Notice.tsx'
import styles from '../components/records.module.css'
import { Timestamp } from '../components/Timestamp.tsx'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { AUDIT_KINDS, AUDIT_OUTCOMES, parseAuditView, printAuditView, toAuditFilter } from '../model/auditView.ts'
import { formatCount } from '../model/numbers.ts'
import { AUDIT_PATH } from '../model/paths.ts'
import type { AuditEvent } from './operations.ts'
import { useAuditEvents } from './useAuditEvents.ts'

/** The audit trail of the tenant: who read and changed what, and what was refused. */
export default function AuditPage() {
  const view = parseAuditView(useSearch())
  const [, navigate] = useLocation()
  const { events, next, error, read } = useAuditEvents(toAuditFilter(view))
  const words = messages.audit
  useTitle(words.pageTitle)
  const change = (changes: Partial<typeof view>): void => {
    const query = printAuditView({ ...view, ...changes })
    navigate(query === '' ? AUDIT_PATH : `${AUDIT_PATH}?${query}`, { replace: true })
  }

  return (
    <div className={styles.page}>
      <header>
        <h1>{words.title}</h1>
        <p className={styles.faint}>{words.hint}</p>
      </header>
      <div className={styles.fields}>
        <Text label={words.user} value={view.subject} onChange={(subject) => change({ subject })} />
        <Text label={words.execution} value={view.execution} onChange={(execution) => change({ execution })} />
        <label className={form.label}>
          {words.kind}
          <select
            className={form.input}
            value={view.kind ?? ''}
            onChange={(event) => change({ kind: AUDIT_KINDS.find((each) => each === event.target.value) ?? null })}
          >
            <option value="">{words.all}</option>
            {AUDIT_KINDS.map((each) => (
              <option key={each} value={each}>
                {words.kinds[each]}
              </option>
            ))}
          </select>
        </label>
        <label className={form.label}>
          {words.outcome}
          <select
            className={form.input}
            value={view.outcome ?? ''}
            onChange={(event) =>
              change({ outcome: AUDIT_OUTCOMES.find((each) => each === event.target.value) ?? null })
            }
          >
            <option value="">{words.all}</option>
            {AUDIT_OUTCOMES.map((each) => (
              <option key={each} value={each}>
                {words.outcomes[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {error !== null && <ErrorBanner onRetry={() => void read()}>{error}</ErrorBanner>}
      {events === null && error === null && <Notice kind="loading" title={messages.components.loading} />}
      {events?.length === 0 && <Notice kind="empty" title={words.none} />}
      {events !== null && events.length > 0 && <Events events={events} />}
      {next !== null && <Button onClick={() => void read(next)}>{messages.components.showMore}</Button>}
    </div>
  )
}

/** A field that is applied with Enter, or when it is left: each value is a request. */
function Text({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value)
  return (
    <label className={form.label}>
      {label}
      <input
        className={form.input}
        value={typed}
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={() => onChange(typed.trim())}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onChange(typed.trim())
        }}
      />
    </label>
  )
}

function Events({ events }: { events: readonly AuditEvent[] }) {
  const { columns } = messages.audit
  return (
    <div className={styles.scroller} tabIndex={0} role="group" aria-label={messages.audit.title}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{columns.at}</th>
            <th>{columns.who}</th>
            <th>{columns.what}</th>
            <th>{columns.outcome}</th>
            <th>{columns.executions}</th>
            <th>{columns.from}</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <EventRow key={event.id} event={event} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function EventRow({ event }: { event: AuditEvent }) {
  const words = messages.audit
  return (
    <tr>
      <td>
        <Timestamp at={event.at} />
      </td>
      <td>
        {event.subject}
        {event.tokenId !== null && <p className={styles.hint}>{event.tokenId}</p>}
      </td>
      <td>
        {words.kinds[event.kind]} {event.operationName !== null && <code>{event.operationName}</code>}
        {event.arguments !== null && (
          <details>
            <summary>{words.details}</summary>
            <pre className={styles.answer}>{JSON.stringify(event.arguments, null, 2)}</pre>
          </details>
        )}
      </td>
      <td>
        {words.outcomes[event.outcome]}
        {event.codes.length > 0 && <p className={styles.hint}>{event.codes.join(', ')}</p>}
        {event.reason !== null && <p className={styles.hint}>{event.reason}</p>}
        {event.lostEvents > 0 && <p className={styles.problem}>{words.lost(formatCount(event.lostEvents))}</p>}
      </td>
      <td>
        {formatCount(event.executionCount)}
        {event.executionIds.length > 0 && (
          <details>
            <summary>{words.details}</summary>
            <pre className={styles.answer}>{event.executionIds.join('\n')}</pre>
          </details>
        )}
      </td>
      <td>
        {event.address}
        {event.userAgent !== null && <p className={styles.hint}>{event.userAgent}</p>}
      </td>
    </tr>
  )
}
