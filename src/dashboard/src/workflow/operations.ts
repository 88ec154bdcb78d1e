import { graphql, type ResultOf } from '../graphql/graphql.ts'

/** What the runs of a workflow add up to, over time and by error, step and who started them. */
export const WORKFLOW = graphql(`
  query Workflow($filter: ExecutionFilter, $timeZone: String!) {
    executionStatistics(filter: $filter, timeZone: $timeZone) {
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
        count
        totalCost
        duration {
          p50
          p95
        }
      }
      errorGroups(first: 5) {
        id
        code
        type
        message
        count
        isNew
        lastSeenAt
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
      triggers: groups(by: TRIGGERED_BY) {
        value
        count
        byStatus {
          status
          count
        }
      }
      owners: groups(by: USER_ID) {
        value
        count
        byStatus {
          status
          count
        }
      }
      asOf
    }
  }
`)

type Statistics = ResultOf<typeof WORKFLOW>['executionStatistics']
export type { Statistics }
/** The runs that have the same value in a field. */
export type Group = Statistics['owners'][number]

/** The latest runs of a workflow, newest first. */
export const RUNS = graphql(`
  query Runs($filter: ExecutionFilter) {
    executions(filter: $filter, first: 100) {
      nodes {
        executionId
        name
        status
        createdAt
        startedAt
        durationSeconds
        totalCost
        attempt
        error {
          message
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

/** A run as the history shows it. */
export type Run = ResultOf<typeof RUNS>['executions']['nodes'][number]
