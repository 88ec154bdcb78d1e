import { graphql, type ResultOf } from '../graphql/graphql.ts'

/** The state of an execution that is followed, and the cursor from which its changes follow. */
export const FOLLOWED_EXECUTION = graphql(`
  query FollowedExecution($id: String!) {
    executions(filter: { executionId: { eq: $id } }, first: 1) {
      nodes {
        executionId
        workflowName
        status
        durationSeconds
      }
      liveCursor
    }
  }
`)

/** An execution of `FOLLOWED_EXECUTION`. */
export type FollowedExecution = ResultOf<typeof FOLLOWED_EXECUTION>['executions']['nodes'][number]

/** Changes of an execution that is followed. */
export const FOLLOWED_EXECUTION_CHANGES = graphql(`
  subscription FollowedExecutionChanges($id: String!, $after: String) {
    executionUpdates(filter: { executionId: { eq: $id } }, after: $after) {
      cursor
      occurredAt
      execution {
        executionId
        workflowName
        status
        durationSeconds
      }
    }
  }
`)

/** An event of `FOLLOWED_EXECUTION_CHANGES`. */
export type FollowedChange = ResultOf<typeof FOLLOWED_EXECUTION_CHANGES>['executionUpdates']
