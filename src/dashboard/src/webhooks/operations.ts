import { graphql, type ResultOf } from '../graphql/graphql.ts'

const WEBHOOK = graphql(`
  fragment Hook on Webhook @_unmask {
    id
    name
    url
    filter
    on
    includePayloads
    state
    stateReason
    userId
    updatedAt
  }
`)

const DELIVERY = graphql(`
  fragment Delivery on WebhookDelivery @_unmask {
    id
    executionId
    kind
    state
    attempts
    nextAttemptAt
    statusCode
    error
    responseBody
    createdAt
    deliveredAt
  }
`)

/** A webhook as the page shows it. */
export type Webhook = ResultOf<typeof WEBHOOK>
/** A delivery as the page shows it. */
export type Delivery = ResultOf<typeof DELIVERY>

/** A page of webhooks after a cursor, and who looks at them. */
export const WEBHOOKS = graphql(
  `
    query Webhooks($after: String) {
      viewer {
        userId
        scopes
      }
      webhooks(first: 50, after: $after) {
        nodes {
          ...Hook
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [WEBHOOK],
)

/** A page of the deliveries of a webhook. */
export const DELIVERIES = graphql(
  `
    query WebhookDeliveries($webhookId: ID!, $state: DeliveryState, $after: String) {
      webhookDeliveries(webhookId: $webhookId, state: $state, first: 50, after: $after) {
        nodes {
          ...Delivery
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [DELIVERY],
)

/** Makes a webhook; its secret is returned once. */
export const CREATE_WEBHOOK = graphql(
  `
    mutation CreateWebhook($input: CreateWebhookInput!) {
      createWebhook(input: $input) {
        secret
        webhook {
          ...Hook
        }
      }
    }
  `,
  [WEBHOOK],
)

/** Changes a webhook. */
export const UPDATE_WEBHOOK = graphql(
  `
    mutation UpdateWebhook($id: ID!, $input: UpdateWebhookInput!) {
      updateWebhook(id: $id, input: $input) {
        webhook {
          ...Hook
        }
      }
    }
  `,
  [WEBHOOK],
)

/** Deletes a webhook. */
export const DELETE_WEBHOOK = graphql(`
  mutation DeleteWebhook($id: ID!) {
    deleteWebhook(id: $id) {
      deletedId
    }
  }
`)

/** Gives a webhook a new secret, which is returned once. */
export const ROTATE_SECRET = graphql(
  `
    mutation RotateWebhookSecret($id: ID!) {
      rotateWebhookSecret(id: $id, input: {}) {
        secret
        webhook {
          ...Hook
        }
      }
    }
  `,
  [WEBHOOK],
)

/** Sends a sample and returns what the receiver answered. */
export const TEST_WEBHOOK = graphql(
  `
    mutation TestWebhook($id: ID!) {
      testWebhook(id: $id) {
        delivery {
          ...Delivery
        }
      }
    }
  `,
  [DELIVERY],
)

/** Sends deliveries again: those with the ids, or all that were given up since a time. */
export const REPLAY_DELIVERIES = graphql(`
  mutation ReplayDeliveries($webhookId: ID!, $input: ReplayDeliveriesInput!) {
    replayDeliveries(webhookId: $webhookId, input: $input) {
      count
    }
  }
`)
