import { graphql, type ResultOf } from '../graphql/graphql.ts'

const STARTERS = graphql(`
  fragment Starters on StatisticsGroup @_unmask {
    value
    count
    byStatus {
      status
      count
    }
  }
`)

const TOTALS = graphql(
  `
    fragment WorkflowTotals on ExecutionStatistics @_unmask {
      count
      byStatus {
        status
        count
      }
      successRate
      totalCost
      duration {
        p50
        p95
      }
      series {
        start
        end
        byStatus {
          status
          count
        }
        totalCost
        duration {
          p50
          p95
        }
      }
      triggers: groups(by: TRIGGERED_BY) {
        ...Starters
      }
      owners: groups(by: USER_ID) {
        ...Starters
      }
      asOf
      liveCursor
    }
  `,
  [STARTERS],
)

/** What the runs of a workflow add up to, over time and by who started them. */
export type Totals = ResultOf<typeof TOTALS>
/** The runs that have the same value in a field. */
export type Group = Totals['owners'][number]

/** The totals, and the cursor to follow them from. */
export const READ_TOTALS = graphql(
  `
    query Workflow($filter: ExecutionFilter, $timeZone: String!) {
      executionStatistics(filter: $filter, timeZone: $timeZone) {
        ...WorkflowTotals
      }
    }
  `,
  [TOTALS],
)

/** The same, whenever they have changed. */
export const FOLLOW_TOTALS = graphql(
  `
    subscription WorkflowChanges($filter: ExecutionFilter, $timeZone: String!, $after: String) {
      executionStatisticsUpdates(filter: $filter, timeZone: $timeZone, after: $after) {
        ...WorkflowTotals
      }
    }
  `,
  [TOTALS],
)

/** The latest runs of a workflow, newest first, what its runs fail with, and its slowest steps. */
export const READ_DETAILS = graphql(`
  query WorkflowDetails($filter: ExecutionFilter, $timeZone: String!) {
    executionStatistics(filter: $filter, timeZone: $timeZone) {
      errorGroups(first: 5) {
        id
        code
        type
        message
        count
        isNew
        lastSeenAt
        series
      }
      steps(first: 20) {
        name
        kind
        count
        failedCount
        totalCost
        duration {
          mean
          p95
        }
      }
    }
    executions(filter: $filter, first: 100) {
      nodes {
        executionId
        name
        status
        createdAt
        durationSeconds
        totalCost
        error {
          message
        }
      }
    }
  }
`)

/** What is read beside the totals. */
export type Details = ResultOf<typeof READ_DETAILS>
export type ErrorGroup = Details['executionStatistics']['errorGroups'][number]
export type Step = Details['executionStatistics']['steps'][number]
/** A run as the history shows it. */
export type Run = Details['executions']['nodes'][number]
