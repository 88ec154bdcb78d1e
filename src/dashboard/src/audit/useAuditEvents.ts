import { useCallback, useEffect, useState } from 'react'
import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { SchemaType } from '../graphql/schemaTypes.ts'
import { AUDIT_EVENTS, type AuditEvent } from './operations.ts'

interface State {
  /** Null until the first page is there. */
  events: readonly AuditEvent[] | null
  /** Where the next page begins; null on the last one. */
  next: string | null
  error: string | null
}

const NOTHING: State = { events: null, next: null, error: null }

/** The audit events of the tenant that match; `read` reads the first page again, or the page after `next`. */
export function useAuditEvents(filter: SchemaType<'AuditEventFilter'>) {
  const client = useClient()
  const [state, setState] = useState(NOTHING)
  const key = JSON.stringify(filter)

  const read = useCallback(
    async (after: string | null = null): Promise<void> => {
      const variables = { filter: JSON.parse(key) as SchemaType<'AuditEventFilter'>, after }
      const { data, error } = await client.query(AUDIT_EVENTS, variables).toPromise()
      if (!data) {
        setState((before) => ({ ...before, error: explain(error) }))
        return
      }
      const { nodes, pageInfo } = data.auditEvents
      setState(({ events }) => ({
        events: after === null ? nodes : [...(events ?? []), ...nodes],
        next: pageInfo.hasNextPage ? pageInfo.endCursor : null,
        error: null,
      }))
    },
    [client, key],
  )

  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the state changes when the response is there
    void read()
  }, [read])

  return { ...state, read }
}
