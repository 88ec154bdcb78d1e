import { useCallback, useEffect, useState } from 'react'
import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import { CREATE_WEBHOOK, DELETE_WEBHOOK, ROTATE_SECRET, UPDATE_WEBHOOK, WEBHOOKS, type Webhook } from './operations.ts'

interface State {
  /** Null until the first page is there. */
  webhooks: readonly Webhook[] | null
  viewer: ResultOf<typeof WEBHOOKS>['viewer'] | null
  /** Where the next page begins; null on the last one. */
  next: string | null
  error: string | null
}

/** A webhook with the secret that is shown once. */
export interface WithSecret {
  webhook: Webhook
  secret: string
}

/** The webhooks that the caller may list, and what changes them. What changes one throws an Error for people. */
export function useWebhooks() {
  const client = useClient()
  const [state, setState] = useState<State>({ webhooks: null, viewer: null, next: null, error: null })

  const read = useCallback(
    async (after: string | null = null): Promise<void> => {
      const { data, error } = await client.query(WEBHOOKS, { after }).toPromise()
      if (!data) {
        setState((before) => ({ ...before, error: explain(error) }))
        return
      }
      const { nodes, pageInfo } = data.webhooks
      setState(({ webhooks }) => ({
        webhooks: after === null ? nodes : [...(webhooks ?? []), ...nodes],
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

  function replace(webhook: Webhook): void {
    setState((before) => ({
      ...before,
      webhooks: before.webhooks?.map((each) => (each.id === webhook.id ? webhook : each)) ?? null,
    }))
  }

  async function create(input: VariablesOf<typeof CREATE_WEBHOOK>['input']): Promise<WithSecret> {
    const { data, error } = await client.mutation(CREATE_WEBHOOK, { input }).toPromise()
    if (!data) throw new Error(explain(error))
    const { webhook, secret } = data.createWebhook
    setState((before) => ({ ...before, webhooks: [webhook, ...(before.webhooks ?? [])] }))
    return { webhook, secret }
  }

  async function update(id: string, input: VariablesOf<typeof UPDATE_WEBHOOK>['input']): Promise<void> {
    const { data, error } = await client.mutation(UPDATE_WEBHOOK, { id, input }).toPromise()
    if (!data) throw new Error(explain(error))
    replace(data.updateWebhook.webhook)
  }

  async function rotate(id: string): Promise<WithSecret> {
    const { data, error } = await client.mutation(ROTATE_SECRET, { id }).toPromise()
    if (!data) throw new Error(explain(error))
    const { webhook, secret } = data.rotateWebhookSecret
    replace(webhook)
    return { webhook, secret }
  }

  async function remove(id: string): Promise<void> {
    const { data, error } = await client.mutation(DELETE_WEBHOOK, { id }).toPromise()
    if (!data) throw new Error(explain(error))
    setState((before) => ({ ...before, webhooks: before.webhooks?.filter((each) => each.id !== id) ?? null }))
  }

  return { ...state, read, create, update, rotate, remove }
}
