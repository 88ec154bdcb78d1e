import { graphql, type ResultOf } from '../graphql/graphql.ts'

const SERIES = graphql(`
  fragment Series on ExecutionStatistics @_unmask {
    series {
      start
      end
      byStatus {
        status
        count
      }
    }
    basis
    asOf
    liveCursor
  }
`)

/** How many executions of each status were created when, and the cursor to follow it from. */
export type Series = ResultOf<typeof SERIES>

export const READ_SERIES = graphql(
  `
    query ListSeries($filter: ExecutionFilter, $timeZone: String!) {
      executionStatistics(filter: $filter, timeZone: $timeZone, allowSampling: true) {
        ...Series
      }
    }
  `,
  [SERIES],
)

/** The same, whenever it has changed. */
export const FOLLOW_SERIES = graphql(
  `
    subscription ListSeriesChanges($filter: ExecutionFilter, $timeZone: String!, $after: String) {
      executionStatisticsUpdates(filter: $filter, timeZone: $timeZone, after: $after) {
        ...Series
      }
    }
  `,
  [SERIES],
)
