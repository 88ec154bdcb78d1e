import { useCallback, useEffect, useState } from 'react'
import { useClient, type Client, type OperationResult } from 'urql'
import { explain } from './client.ts'

/** A page of a list that the caller may see, and who the caller is. */
interface RecordPage<R, V> {
  viewer: V
  records: { nodes: readonly R[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }
}

interface State<R, V> {
  /** Null until the first page is there. */
  records: readonly R[] | null
  viewer: V | null
  /** Where the next page begins; null on the last one. */
  next: string | null
  error: string | null
}

/** The records of a page of settings, newest first, and what changes them here once the server has changed them. */
interface Records<R, V> extends State<R, V> {
  /** Reads the first page again, or the page after `next`. */
  read: (after?: string | null) => Promise<void>
  /** Sends a mutation; throws an Error with a message for people. */
  change: <D>(send: (client: Client) => PromiseLike<OperationResult<D>>) => Promise<D>
  add: (record: R) => void
  replace: (record: R) => void
  drop: (id: string) => void
}

/**
 * Keeps a list of records in the state of a component.
 *
 * Both functions must stay the same: a new one reads the list again.
 */
export function useRecords<D, R extends { id: string }, V>(
  sendQuery: (client: Client, after: string | null) => PromiseLike<OperationResult<D>>,
  pageOf: (data: D) => RecordPage<R, V>,
): Records<R, V> {
  const client = useClient()
  const [state, setState] = useState<State<R, V>>({ records: null, viewer: null, next: null, error: null })

  const read = useCallback(
    async (after: string | null = null): Promise<void> => {
      const { data, error } = await sendQuery(client, after)
      if (!data) {
        setState((before) => ({ ...before, error: explain(error) }))
        return
      }
      const { viewer, records } = pageOf(data)
      setState((before) => ({
        records: after === null ? records.nodes : [...(before.records ?? []), ...records.nodes],
        viewer,
        next: records.pageInfo.hasNextPage ? records.pageInfo.endCursor : null,
        error: null,
      }))
    },
    [client, sendQuery, pageOf],
  )

  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the state changes when the response is there
    void read()
  }, [read])

  function update(changed: (records: readonly R[]) => readonly R[]): void {
    setState((before) => ({ ...before, records: changed(before.records ?? []) }))
  }

  return {
    ...state,
    read,
    change: async (send) => {
      const { data, error } = await send(client)
      if (!data) throw new Error(explain(error))
      return data
    },
    add: (record) => update((records) => [record, ...records]),
    replace: (record) => update((records) => records.map((each) => (each.id === record.id ? record : each))),
    drop: (id) => update((records) => records.filter((each) => each.id !== id)),
  }
}
