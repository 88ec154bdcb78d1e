import { graphql, type ResultOf } from '../graphql/graphql.ts'

const COMPARED_EXECUTION = graphql(`
  fragment ComparedExecution on Execution @_unmask {
    executionId
    workflowName
    status
    attempt
    triggeredBy
    userId
    createdAt
    durationSeconds
    totalCost
    tokens
    stepsCompleted
    stepsFailed
    tags {
      key
      value
    }
    error {
      message
      code
    }
    steps(first: 1000) {
      nodes {
        stepId
        name
        status
        durationSeconds
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

/** An execution as a comparison reads it. */
export type Compared = ResultOf<typeof COMPARED_EXECUTION>

/** An execution for a comparison, with its first steps. */
export const COMPARED = graphql(
  `
    query Compared($id: String!) {
      execution(executionId: $id) {
        ...ComparedExecution
      }
    }
  `,
  [COMPARED_EXECUTION],
)

/** The last successful execution of a workflow that was created before a time. */
export const LAST_SUCCESS = graphql(`
  query LastSuccess($workflow: String!, $before: DateTime!) {
    executions(
      filter: { workflowName: { eq: $workflow }, status: { eq: COMPLETED }, createdAt: { lt: $before } }
      first: 1
    ) {
      nodes {
        executionId
      }
    }
  }
`)

/** The latest runs of a workflow. */
export const RECENT_RUNS = graphql(`
  query RecentRuns($workflow: String!) {
    executions(filter: { workflowName: { eq: $workflow } }, first: 50) {
      nodes {
        executionId
        status
        createdAt
      }
    }
  }
`)
