import { stringifyDocument } from '@urql/core'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { SchemaType } from '../graphql/schemaTypes.ts'
import { useConnection } from '../live/ConnectionContext.ts'
import { mergeAlert } from '../model/alerts.ts'
import { ACKNOWLEDGE, ALERT_UPDATES, ALERTS, SNOOZE, type Alert, type AlertUpdate } from './operations.ts'

interface State {
  /** Null until the first page is there. */
  alerts: readonly Alert[] | null
  scopes: readonly string[]
  /** Where the next page begins; null on the last one. */
  next: string | null
  error: string | null
}

type Event = AlertUpdate & { occurredAt: string }

/** The alerts in a state, or all, newest first and live; what changes one throws an Error for people. */
export function useAlerts(state: SchemaType<'AlertState'> | null, first = 50) {
  const client = useClient()
  const connection = useConnection()
  const [shown, setShown] = useState<State>({ alerts: null, scopes: [], next: null, error: null })
  const [liveCursor, setLiveCursor] = useState<string | null>(null)
  const readAgain = useRef<() => Promise<void>>(undefined)

  const read = useCallback(
    async (after: string | null = null): Promise<void> => {
      const { data, error } = await client.query(ALERTS, { state, first, after }).toPromise()
      if (!data) {
        setShown((before) => ({ ...before, error: explain(error) }))
        return
      }
      const { nodes, pageInfo } = data.alerts
      setShown(({ alerts }) => ({
        alerts: after === null ? nodes : [...(alerts ?? []), ...nodes],
        scopes: data.viewer.scopes,
        next: pageInfo.hasNextPage ? pageInfo.endCursor : null,
        error: null,
      }))
      if (after === null) setLiveCursor(data.alerts.liveCursor)
    },
    [client, state, first],
  )

  useEffect(() => {
    readAgain.current = () => read()
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the state changes when the response is there
    void read()
  }, [read])

  const merge = useCallback(
    (alert: Alert): void =>
      setShown((before) => ({ ...before, alerts: before.alerts && mergeAlert(before.alerts, alert, state) })),
    [state],
  )

  useEffect(() => {
    if (liveCursor === null) return
    const query = stringifyDocument(ALERT_UPDATES)
    const subscription = connection.subscribe<Event>(
      {
        request: (after) => ({ query, variables: { after } }),
        // These events have no time of their own.
        read: (data) => ({
          ...(data as { alertUpdates: AlertUpdate }).alertUpdates,
          occurredAt: new Date().toISOString(),
        }),
        onEvents: (events) => {
          for (const { kind, alert } of events) {
            if (kind === 'GAP') void readAgain.current?.()
            else if (alert !== null) merge(alert)
          }
        },
        onStatus: () => undefined,
        onBehind: () => undefined,
        onStale: () => void readAgain.current?.(),
      },
      liveCursor,
    )
    return () => void subscription.stop()
  }, [connection, liveCursor, merge])

  async function acknowledge(id: string, note: string): Promise<void> {
    const { data, error } = await client.mutation(ACKNOWLEDGE, { id, note: note === '' ? null : note }).toPromise()
    if (!data) throw new Error(explain(error))
    merge(data.acknowledgeAlert.alert)
  }

  async function snooze(id: string, until: string): Promise<void> {
    const { data, error } = await client.mutation(SNOOZE, { id, until }).toPromise()
    if (!data) throw new Error(explain(error))
    merge(data.snoozeAlert.alert)
  }

  return { ...shown, read, acknowledge, snooze }
}
