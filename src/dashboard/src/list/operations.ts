import { EXECUTION_FIELDS } from '../graphql/executionFields.ts'
import { graphql, type ResultOf } from '../graphql/graphql.ts'

const ROW = graphql(
  `
    fragment Row on Execution @_unmask {
      ...ExecutionFields
      parentExecutionId
      retryOfExecutionId
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

// Only of pages: what recovered it is looked up for each event that selects it, and the events of the retry tell it, too.
const PAGE_ROW = graphql(
  `
    fragment PageRow on Execution @_unmask {
      ...Row
      recoveredBy
    }
  `,
  [ROW],
)

/** An execution as the list shows it. */
export type Execution = ResultOf<typeof ROW>

/** An execution of a page of the list. */
export type PageRow = ResultOf<typeof PAGE_ROW>

/** The first page, the total, and the cursor to subscribe from. */
export const FIRST_PAGE = graphql(
  `
    query FirstPage($filter: ExecutionFilter, $sort: [ExecutionSort!], $first: Int) {
      executions(filter: $filter, sort: $sort, first: $first) {
        nodes {
          ...PageRow
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
  [PAGE_ROW, SEARCH],
)

/** The page after a cursor. */
export const NEXT_PAGE = graphql(
  `
    query NextPage($filter: ExecutionFilter, $sort: [ExecutionSort!], $first: Int, $after: String) {
      executions(filter: $filter, sort: $sort, first: $first, after: $after) {
        nodes {
          ...PageRow
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
  [PAGE_ROW, SEARCH],
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
