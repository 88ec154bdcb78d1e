import { useId, useState } from 'react'
import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import form from '../components/form.module.css'
import { Notice } from '../components/Notice.tsx'
import styles from '../components/records.module.css'
import { useTitle } from '../components/useTitle.ts'
import type { SchemaType } from '../graphql/schemaTypes.ts'
import { messages } from '../messages/messages.ts'
import { RULES_PATH, WEBHOOKS_PATH } from '../model/paths.ts'
import { AlertItem } from './AlertItem.tsx'
import { useAlerts } from './useAlerts.ts'
import { useStopped } from './useStopped.ts'

type AlertState = SchemaType<'AlertState'>
const STATES: readonly AlertState[] = ['FIRING', 'ACKNOWLEDGED', 'SNOOZED', 'RESOLVED']

/** The alerts, live: what fires, who takes care of it, and what it is about. */
export default function AlertsPage() {
  const [state, setState] = useState<AlertState | null>(null)
  const { alerts, scopes, next, error, read, acknowledge, snooze } = useAlerts(state)
  const stopped = useStopped(scopes)
  const id = useId()
  const words = messages.alerts
  useTitle(words.pageTitle)

  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div>
          <h1 id={id}>{words.title}</h1>
          <p className={styles.faint}>{words.hint}</p>
        </div>
        <Link href={RULES_PATH}>{words.rules}</Link>
      </header>
      {stopped.rules > 0 && (
        <p>
          <Link href={RULES_PATH}>{words.stoppedRules(stopped.rules)}</Link>
        </p>
      )}
      {stopped.webhooks > 0 && (
        <p>
          <Link href={WEBHOOKS_PATH}>{words.stoppedWebhooks(stopped.webhooks)}</Link>
        </p>
      )}
      <label className={form.label}>
        {words.state}
        <select
          className={form.input}
          value={state ?? ''}
          onChange={(event) => setState(STATES.find((each) => each === event.target.value) ?? null)}
        >
          <option value="">{words.all}</option>
          {STATES.map((each) => (
            <option key={each} value={each}>
              {words.states[each]}
            </option>
          ))}
        </select>
      </label>
      {error !== null && <ErrorBanner onRetry={() => void read()}>{error}</ErrorBanner>}
      {alerts === null && error === null && <Notice kind="loading" title={messages.components.loading} />}
      {alerts?.length === 0 && (
        <Notice kind="empty" title={words.none}>
          {words.noneHint}
        </Notice>
      )}
      {alerts !== null && alerts.length > 0 && (
        <ul className={styles.list} aria-labelledby={id}>
          {alerts.map((alert) => (
            <AlertItem
              key={alert.id}
              alert={alert}
              mayChange={scopes.includes('alerts:write')}
              onAcknowledge={(note) => acknowledge(alert.id, note)}
              onSnooze={(until) => snooze(alert.id, until)}
            />
          ))}
        </ul>
      )}
      {next !== null && <Button onClick={() => void read(next)}>{messages.components.showMore}</Button>}
    </div>
  )
}
