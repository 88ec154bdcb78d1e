import { useState } from 'react'
import { useQuery } from 'urql'
import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import { Dialog } from '../components/Dialog.tsx'
import { Fact } from '../components/Fact.tsx'
import form from '../components/form.module.css'
import { Menu } from '../components/Menu.tsx'
import styles from '../components/records.module.css'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { executionPath } from '../model/paths.ts'
import { ALERT_EXECUTIONS, type Alert } from './operations.ts'

interface AlertItemProps {
  alert: Alert
  mayChange: boolean
  /** These throw an Error with a message for people. */
  onAcknowledge: (note: string) => Promise<void>
  onSnooze: (until: string) => Promise<void>
}

const HOUR = 3_600_000
const SNOOZES = [1, 4, 8, 24, 72]

/** An alert in the list, with what may be done with it. */
export function AlertItem({ alert, mayChange, onAcknowledge, onSnooze }: AlertItemProps) {
  const [isAcknowledging, setAcknowledging] = useState(false)
  const [note, setNote] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const [isOpen, setOpen] = useState(false)
  const words = messages.alerts
  const isActive = alert.state !== 'RESOLVED'

  async function attempt(work: Promise<void>): Promise<void> {
    try {
      await work
      setProblem(null)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <li className={styles.record} data-state={alert.state.toLowerCase()}>
      <div className={styles.what}>
        <h2>
          {alert.rule.name} <span className={styles.state}>{words.states[alert.state]}</span>
        </h2>
        <p>{alert.summary}</p>
      </div>
      <dl className={styles.facts}>
        <Fact name={words.facts.fired}>
          <Timestamp at={alert.firedAt} />
        </Fact>
        {alert.resolvedAt !== null && (
          <Fact name={words.facts.resolved}>
            <Timestamp at={alert.resolvedAt} />
          </Fact>
        )}
        {alert.group !== null && <Fact name={words.facts.group}>{alert.group}</Fact>}
        {alert.lastNotifiedAt !== null && (
          <Fact name={words.facts.notified}>
            <Timestamp at={alert.lastNotifiedAt} />
          </Fact>
        )}
        {alert.acknowledgedBy !== null && <Fact name={words.facts.acknowledged}>{alert.acknowledgedBy}</Fact>}
        {alert.note !== null && <Fact name={words.facts.note}>{alert.note}</Fact>}
        {alert.snoozedUntil !== null && (
          <Fact name={words.facts.snoozed}>
            <Timestamp at={alert.snoozedUntil} />
          </Fact>
        )}
      </dl>
      <div className={styles.buttons}>
        {mayChange && isActive && (
          <>
            {alert.state !== 'ACKNOWLEDGED' && (
              <Button kind="primary" onClick={() => setAcknowledging(true)}>
                {words.acknowledge}
              </Button>
            )}
            <Menu
              label={words.snooze}
              name={words.snoozeNamed(alert.rule.name)}
              items={SNOOZES.map((hours) => ({
                name: words.hours(hours),
                onSelect: () => void attempt(onSnooze(new Date(Date.now() + hours * HOUR).toISOString())),
              }))}
            />
          </>
        )}
        <Button onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
          {words.executions}
        </Button>
      </div>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      {isOpen && <Executions alertId={alert.id} />}
      {isAcknowledging && (
        <Dialog title={words.acknowledgeNamed(alert.rule.name)} onClose={() => setAcknowledging(false)}>
          <form
            className={styles.form}
            onSubmit={(event) => {
              event.preventDefault()
              void attempt(onAcknowledge(note.trim()))
              setAcknowledging(false)
            }}
          >
            <label className={form.label}>
              {words.facts.note}
              <input
                className={form.input}
                value={note}
                maxLength={1000}
                placeholder={words.notePlaceholder}
                onChange={(event) => setNote(event.target.value)}
              />
            </label>
            <Button kind="primary" type="submit">
              {words.acknowledge}
            </Button>
          </form>
        </Dialog>
      )}
    </li>
  )
}

/** The newest executions of an alert, as far as the viewer may see them. */
function Executions({ alertId }: { alertId: string }) {
  const [{ data, error }] = useQuery({ query: ALERT_EXECUTIONS, variables: { id: alertId } })
  if (error !== undefined) return <p className={styles.problem}>{explain(error)}</p>
  if (data === undefined) return <p>{messages.components.loading}</p>
  const executions = data.node !== null && 'executions' in data.node ? data.node.executions.nodes : []
  if (executions.length === 0) return <p className={styles.faint}>{messages.alerts.noExecutions}</p>
  return (
    <ul className={styles.wide}>
      {executions.map((each) => (
        <li key={each.executionId}>
          <StatusBadge status={each.status} />{' '}
          <Link href={executionPath(each.executionId)}>
            {each.workflowName} {each.executionId}
          </Link>{' '}
          <Timestamp at={each.createdAt} />
        </li>
      ))}
    </ul>
  )
}
