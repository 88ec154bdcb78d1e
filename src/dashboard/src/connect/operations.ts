import { graphql, type ResultOf } from '../graphql/graphql.ts'

/** Who connects an engine, and whether they may make a key. */
export const MAKER = graphql(`
  query Maker {
    viewer {
      userId
      scopes
    }
  }
`)

/** Makes a key that reports executions. */
export const MAKE_KEY = graphql(`
  mutation MakeKey($name: String!) {
    createAccessKey(input: { name: $name, scopes: ["executions:write"] }) {
      key
    }
  }
`)

/** What the executions of a user do from now on. */
export const FIRST_EVENTS = graphql(`
  subscription FirstEvents($userId: String!, $after: String) {
    executionUpdates(filter: { userId: { eq: $userId } }, after: $after) {
      cursor
      occurredAt
      executionId
      execution {
        workflowName
      }
    }
  }
`)

/** An event of `FIRST_EVENTS`. */
export type FirstEvent = ResultOf<typeof FIRST_EVENTS>['executionUpdates']
