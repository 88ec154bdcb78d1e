import { graphql, type ResultOf } from '../graphql/graphql.ts'

const KEY = graphql(`
  fragment Key on AccessKey @_unmask {
    id
    name
    prefix
    userId
    madeBy
    scopes
    createdAt
    expiresAt
    lastUsedAt
    revokedAt
  }
`)

/** An access key as the page shows it. */
export type AccessKey = ResultOf<typeof KEY>

/** A page of keys after a cursor, and what the caller may give to a key. */
export const KEYS = graphql(
  `
    query AccessKeys($after: String) {
      viewer {
        userId
        scopes
      }
      accessKeys(first: 50, after: $after) {
        nodes {
          ...Key
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [KEY],
)

/** Makes a key; the key and the signing secret are returned once. */
export const CREATE_KEY = graphql(
  `
    mutation CreateAccessKey($input: CreateAccessKeyInput!) {
      createAccessKey(input: $input) {
        key
        signingSecret
        accessKey {
          ...Key
        }
      }
    }
  `,
  [KEY],
)

/** What making a key returns. */
export type MadeKey = ResultOf<typeof CREATE_KEY>['createAccessKey']

/** Revokes a key. */
export const REVOKE_KEY = graphql(
  `
    mutation RevokeAccessKey($id: ID!) {
      revokeAccessKey(id: $id) {
        accessKey {
          ...Key
        }
      }
    }
  `,
  [KEY],
)
