import { useCallback, useEffect, useState } from 'react'
import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import { CREATE_KEY, KEYS, REVOKE_KEY, type AccessKey, type MadeKey } from './operations.ts'

interface State {
  /** Null until the first page is there. */
  keys: readonly AccessKey[] | null
  viewer: ResultOf<typeof KEYS>['viewer'] | null
  /** Where the next page begins; null on the last one. */
  next: string | null
  error: string | null
}

interface AccessKeys extends State {
  /** Reads the first page again, or the page after `next`. */
  read: (after?: string | null) => Promise<void>
  /** Makes a key; throws an Error with a message for people. */
  create: (input: VariablesOf<typeof CREATE_KEY>['input']) => Promise<MadeKey>
  /** Revokes a key; throws an Error with a message for people. */
  revoke: (id: string) => Promise<void>
}

/** The access keys that the caller may see, newest first, and what changes them. */
export function useAccessKeys(): AccessKeys {
  const client = useClient()
  const [state, setState] = useState<State>({ keys: null, viewer: null, next: null, error: null })

  const read = useCallback(
    async (after: string | null = null): Promise<void> => {
      const { data, error } = await client.query(KEYS, { after }).toPromise()
      if (!data) {
        setState((before) => ({ ...before, error: explain(error) }))
        return
      }
      const { nodes, pageInfo } = data.accessKeys
      setState(({ keys }) => ({
        keys: after === null ? nodes : [...(keys ?? []), ...nodes],
        viewer: data.viewer,
        next: pageInfo.hasNextPage ? pageInfo.endCursor : null,
        error: null,
      }))
    },
    [client],
  )

  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the state changes when the response is there
    void read()
  }, [read])

  async function create(input: VariablesOf<typeof CREATE_KEY>['input']): Promise<MadeKey> {
    const { data, error } = await client.mutation(CREATE_KEY, { input }).toPromise()
    if (!data) throw new Error(explain(error))
    const made = data.createAccessKey
    setState((before) => ({ ...before, keys: [made.accessKey, ...(before.keys ?? [])] }))
    return made
  }

  async function revoke(id: string): Promise<void> {
    const { data, error } = await client.mutation(REVOKE_KEY, { id }).toPromise()
    if (!data) throw new Error(explain(error))
    const revoked = data.revokeAccessKey.accessKey
    setState((before) => ({
      ...before,
      keys: before.keys?.map((each) => (each.id === revoked.id ? revoked : each)) ?? null,
    }))
  }

  return { ...state, read, create, revoke }
}
