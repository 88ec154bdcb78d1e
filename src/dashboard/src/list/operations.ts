import { EXECUTION_FIELDS } from '../graphql/executionFields.ts'
import { graphql, type ResultOf } from '../graphql/graphql.ts'

const ROW = graphql(
  `
    fragment Row on Execution @_unmask {
      ...ExecutionFields
      error {
        message
        code
      }
    }
  `,
  [EXECUTION_FIELDS],
)

const SEARCH = graphql(`
  fragment Search on SearchProgress @_unmask {
    isComplete
    examined
    reachedAt
  }
`)

/** An execution as the list shows it. */
export type Execution = ResultOf<typeof ROW>

/** The first page, the total, and the cursor to subscribe from. */
export const FIRST_PAGE = graphql(
  `
    query FirstPage($filter: ExecutionFilter, $sort: [ExecutionSort!], $first: Int) {
      executions(filter: $filter, sort: $sort, first: $first) {
        nodes {
          ...Row
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        totalCount
        totalCountIsExact
        liveCursor
        search {
          ...Search
        }
      }
    }
  `,
  [ROW, SEARCH],
)

/** The page after a cursor. */
export const NEXT_PAGE = graphql(
  `
    query NextPage($filter: ExecutionFilter, $sort: [ExecutionSort!], $first: Int, $after: String) {
      executions(filter: $filter, sort: $sort, first: $first, after: $after) {
        nodes {
          ...Row
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        search {
          ...Search
        }
      }
    }
  `,
  [ROW, SEARCH],
)

/** Every change to the executions that the filter matches. */
export const CHANGES = graphql(
  `
    subscription Changes($filter: ExecutionFilter, $after: String) {
      executionUpdates(filter: $filter, after: $after) {
        kind
        cursor
        occurredAt
        executionId
        execution {
          ...Row
        }
      }
    }
  `,
  [ROW],
)

/** An event of `CHANGES`. */
export type Change = ResultOf<typeof CHANGES>['executionUpdates']
