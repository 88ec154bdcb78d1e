import type { Client } from 'urql'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import { useRecords } from '../graphql/useRecords.ts'
import { CREATE_WEBHOOK, DELETE_WEBHOOK, ROTATE_SECRET, UPDATE_WEBHOOK, WEBHOOKS, type Webhook } from './operations.ts'

/** A webhook with the secret that is shown once. */
export interface WithSecret {
  webhook: Webhook
  secret: string
}

const sendQuery = (client: Client, after: string | null) => client.query(WEBHOOKS, { after }).toPromise()
const pageOf = ({ viewer, webhooks }: ResultOf<typeof WEBHOOKS>) => ({ viewer, records: webhooks })

/** The webhooks that the caller may list, and what changes them. What changes one throws an Error for people. */
export function useWebhooks() {
  const { records: webhooks, change, add, replace, drop, ...list } = useRecords(sendQuery, pageOf)

  async function create(input: VariablesOf<typeof CREATE_WEBHOOK>['input']): Promise<WithSecret> {
    const { createWebhook } = await change((client) => client.mutation(CREATE_WEBHOOK, { input }).toPromise())
    add(createWebhook.webhook)
    return createWebhook
  }

  async function update(id: string, input: VariablesOf<typeof UPDATE_WEBHOOK>['input']): Promise<void> {
    const { updateWebhook } = await change((client) => client.mutation(UPDATE_WEBHOOK, { id, input }).toPromise())
    replace(updateWebhook.webhook)
  }

  async function rotate(id: string): Promise<WithSecret> {
    const { rotateWebhookSecret } = await change((client) => client.mutation(ROTATE_SECRET, { id }).toPromise())
    replace(rotateWebhookSecret.webhook)
    return rotateWebhookSecret
  }

  async function remove(id: string): Promise<void> {
    await change((client) => client.mutation(DELETE_WEBHOOK, { id }).toPromise())
    drop(id)
  }

  return { ...list, webhooks, create, update, rotate, remove }
}
