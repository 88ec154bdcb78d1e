import { useCallback, useEffect, useId, useState } from 'react'
import { useClient } from 'urql'
import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import form from '../components/form.module.css'
import styles from '../components/records.module.css'
import { Timestamp } from '../components/Timestamp.tsx'
import { explain } from '../graphql/client.ts'
import type { SchemaType } from '../graphql/schemaTypes.ts'
import { messages } from '../messages/messages.ts'
import { formatCount } from '../model/numbers.ts'
import { executionPath } from '../model/paths.ts'
import { DELIVERIES, REPLAY_DELIVERIES, TEST_WEBHOOK, type Delivery, type Webhook } from './operations.ts'

type DeliveryState = SchemaType<'DeliveryState'>
const STATES: readonly DeliveryState[] = ['PENDING', 'RETRYING', 'DELIVERED', 'DEAD']

/** What a webhook has sent, with the answers; a test can be sent, and what arrived nowhere can be sent again. */
export function Deliveries({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const client = useClient()
  const [state, setState] = useState<DeliveryState | null>(null)
  const [deliveries, setDeliveries] = useState<readonly Delivery[] | null>(null)
  const [next, setNext] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [said, setSaid] = useState('')
  const id = useId()
  const words = messages.webhooks

  const read = useCallback(
    async (after: string | null = null): Promise<void> => {
      const variables = { webhookId: webhook.id, state, after }
      const { data, error } = await client.query(DELIVERIES, variables).toPromise()
      if (!data) {
        setProblem(explain(error))
        return
      }
      const { nodes, pageInfo } = data.webhookDeliveries
      setDeliveries((before) => (after === null ? nodes : [...(before ?? []), ...nodes]))
      setNext(pageInfo.hasNextPage ? pageInfo.endCursor : null)
      setProblem(null)
    },
    [client, webhook.id, state],
  )

  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the state changes when the response is there
    void read()
  }, [read])

  async function test(): Promise<void> {
    const { error } = await client.mutation(TEST_WEBHOOK, { id: webhook.id }).toPromise()
    if (error === undefined) await read()
    else setProblem(explain(error))
  }

  async function replay(input: SchemaType<'ReplayDeliveriesInput'>): Promise<void> {
    const { data, error } = await client.mutation(REPLAY_DELIVERIES, { webhookId: webhook.id, input }).toPromise()
    if (!data) {
      setProblem(explain(error))
      return
    }
    setSaid(words.replayed(formatCount(data.replayDeliveries.count)))
    await read()
  }

  return (
    <section className={styles.card} aria-labelledby={id}>
      <h2 id={id}>{words.deliveriesOf(webhook.name)}</h2>
      <div className={styles.buttons}>
        <label className={form.label}>
          {words.state}
          <select
            className={form.input}
            value={state ?? ''}
            onChange={(event) => setState(STATES.find((each) => each === event.target.value) ?? null)}
          >
            <option value="">{words.allStates}</option>
            {STATES.map((each) => (
              <option key={each} value={each}>
                {words.deliveryStates[each]}
              </option>
            ))}
          </select>
        </label>
        <Button onClick={() => void test()}>{words.test}</Button>
        <Button onClick={() => void replay({ from: new Date(0).toISOString() })}>{words.replayDead}</Button>
        <Button onClick={onClose}>{words.close}</Button>
      </div>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {problem !== null && <ErrorBanner onRetry={() => void read()}>{problem}</ErrorBanner>}
      {deliveries?.length === 0 && <p className={styles.faint}>{words.noDeliveries}</p>}
      {deliveries !== null && deliveries.length > 0 && (
        <div className={styles.scroller} tabIndex={0} role="group" aria-labelledby={id}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th>{words.columns.at}</th>
                <th>{words.columns.kind}</th>
                <th>{words.columns.state}</th>
                <th>{words.columns.execution}</th>
                <th>{words.columns.attempts}</th>
                <th>{words.columns.answer}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {deliveries.map((each) => (
                <DeliveryRow key={each.id} delivery={each} onReplay={() => void replay({ ids: [each.id] })} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next !== null && <Button onClick={() => void read(next)}>{messages.components.showMore}</Button>}
    </section>
  )
}

function DeliveryRow({ delivery, onReplay }: { delivery: Delivery; onReplay: () => void }) {
  const words = messages.webhooks
  const { executionId, statusCode, error, responseBody } = delivery
  return (
    <tr data-state={delivery.state.toLowerCase()}>
      <td>
        <Timestamp at={delivery.deliveredAt ?? delivery.createdAt} />
      </td>
      <td>{words.kindNames[delivery.kind].split(':')[0]}</td>
      <td>
        <span className={styles.state}>{words.deliveryStates[delivery.state]}</span>
        {delivery.nextAttemptAt !== null && (
          <p className={styles.faint}>
            {words.next}: <Timestamp at={delivery.nextAttemptAt} />
          </p>
        )}
      </td>
      <td>{executionId !== null && <Link href={executionPath(executionId)}>{executionId}</Link>}</td>
      <td>{delivery.attempts}</td>
      <td>
        {statusCode ?? error}
        {responseBody !== null && responseBody !== '' && <pre className={styles.answer}>{responseBody}</pre>}
      </td>
      <td>
        {(delivery.state === 'DEAD' || delivery.state === 'DELIVERED') && (
          <Button onClick={onReplay}>{words.replay}</Button>
        )}
      </td>
    </tr>
  )
}
