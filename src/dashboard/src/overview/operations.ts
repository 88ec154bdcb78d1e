import { graphql, type ResultOf } from '../graphql/graphql.ts'

const TOTALS = graphql(`
  fragment Totals on ExecutionStatistics @_unmask {
    count
    byStatus {
      status
      count
    }
    successRate
    duration {
      p95
    }
    totalCost
  }
`)

const GROUP = graphql(`
  fragment Group on StatisticsGroup @_unmask {
    value
    count
    byStatus {
      status
      count
    }
    successRate
    duration {
      count
      p95
    }
    totalCost
  }
`)

const PRESENT = graphql(
  `
    fragment Present on ExecutionStatistics @_unmask {
      ...Totals
      series {
        start
        end
        byStatus {
          status
          count
        }
      }
      failing: groups(by: WORKFLOW_NAME, order: FAILURES, first: 6) {
        ...Group
      }
      costly: groups(by: WORKFLOW_NAME, order: COST, first: 6) {
        ...Group
      }
      common: groups(by: WORKFLOW_NAME, order: COUNT, first: 50) {
        ...Group
      }
      basis
      relativeError
      asOf
      liveCursor
    }
  `,
  [TOTALS, GROUP],
)

/** What the executions of the range add up to. */
export type Present = ResultOf<typeof PRESENT>

/** Everything that is drawn from one reading of the range, and the cursor to follow it from. */
export const READ_PRESENT = graphql(
  `
    query OverviewPresent($filter: ExecutionFilter, $timeZone: String!, $allowSampling: Boolean!) {
      executionStatistics(filter: $filter, timeZone: $timeZone, allowSampling: $allowSampling) {
        ...Present
      }
    }
  `,
  [PRESENT],
)

/** The same, whenever it has changed. */
export const FOLLOW_PRESENT = graphql(
  `
    subscription OverviewChanges($filter: ExecutionFilter, $timeZone: String!, $after: String) {
      executionStatisticsUpdates(filter: $filter, timeZone: $timeZone, after: $after) {
        ...Present
      }
    }
  `,
  [PRESENT],
)

/** What the range is compared with: the range before it of the same length, and how long workflows usually take. */
export const READ_PAST = graphql(
  `
    query OverviewPast($before: ExecutionFilter, $usual: ExecutionFilter, $allowSampling: Boolean!) {
      before: executionStatistics(filter: $before, allowSampling: $allowSampling) {
        ...Totals
      }
      usual: executionStatistics(filter: $usual, allowSampling: $allowSampling) {
        groups(by: WORKFLOW_NAME, order: COUNT, first: 100) {
          value
          duration {
            count
            p95
          }
        }
      }
    }
  `,
  [TOTALS],
)

export type Past = ResultOf<typeof READ_PAST>

/** What fails as nothing did before, and what has been running for longest, whenever it was created. */
export const READ_TROUBLE = graphql(`
  query OverviewTrouble($filter: ExecutionFilter, $running: ExecutionFilter) {
    executionStatistics(filter: $filter) {
      errorGroups(first: 20) {
        id
        code
        type
        message
        count
        firstSeenAt
        lastSeenAt
        isNew
        workflowNames
        series
      }
    }
    executions(filter: $running, sort: [{ field: DURATION }], first: 50) {
      nodes {
        executionId
        workflowName
        startedAt
        lastHeartbeatAt
      }
    }
  }
`)

export type Trouble = ResultOf<typeof READ_TROUBLE>
export type ErrorGroup = Trouble['executionStatistics']['errorGroups'][number]
export type RunningExecution = Trouble['executions']['nodes'][number]

/** Whether there is any execution that the caller may see. */
export const READ_ANY = graphql(`
  query OverviewAny {
    executions(first: 1) {
      nodes {
        executionId
      }
    }
  }
`)
