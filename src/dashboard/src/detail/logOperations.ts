import { graphql } from '../graphql/graphql.ts'
import { LOG_LINE } from './operations.ts'

/** The page of log lines before a cursor. */
export const OLDER_LOG_LINES = graphql(
  `
    query OlderLogLines($id: String!, $before: String, $minLevel: LogLevel, $search: String, $stepId: String) {
      execution(executionId: $id) {
        logs(last: 100, before: $before, minLevel: $minLevel, search: $search, stepId: $stepId) {
          edges {
            cursor
            node {
              ...LogLine
            }
          }
          pageInfo {
            hasPreviousPage
          }
        }
      }
    }
  `,
  [LOG_LINE],
)

/** The first line of a log that tells of an error. */
export const FIRST_ERROR = graphql(
  `
    query FirstError($id: String!, $stepId: String) {
      execution(executionId: $id) {
        logs(first: 1, minLevel: ERROR, stepId: $stepId) {
          nodes {
            ...LogLine
          }
        }
      }
    }
  `,
  [LOG_LINE],
)

/** The page of log lines after a cursor. */
export const NEXT_LOG_LINES = graphql(
  `
    query NextLogLines($id: String!, $after: String, $minLevel: LogLevel, $search: String, $stepId: String) {
      execution(executionId: $id) {
        logs(first: 100, after: $after, minLevel: $minLevel, search: $search, stepId: $stepId) {
          nodes {
            ...LogLine
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [LOG_LINE],
)
