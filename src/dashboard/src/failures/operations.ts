import { graphql, type ResultOf } from '../graphql/graphql.ts'

const ANNOTATION = graphql(`
  fragment Annotation on ErrorGroupAnnotation @_unmask {
    note
    assignee
    mutedUntil
    updatedBy
    updatedAt
  }
`)

const TOTALS = graphql(`
  fragment FailureTotals on ExecutionStatistics @_unmask {
    byStatus {
      status
      count
    }
    series {
      start
      end
      byStatus {
        status
        count
      }
    }
    asOf
    liveCursor
  }
`)

/** How many executions of the range failed, and when they were created. */
export type Totals = ResultOf<typeof TOTALS>

/** The totals, and the cursor to follow them from. */
export const READ_TOTALS = graphql(
  `
    query FailureTotals($filter: ExecutionFilter, $timeZone: String!) {
      executionStatistics(filter: $filter, timeZone: $timeZone) {
        ...FailureTotals
      }
    }
  `,
  [TOTALS],
)

/** The same, whenever they have changed. */
export const FOLLOW_TOTALS = graphql(
  `
    subscription FailureChanges($filter: ExecutionFilter, $timeZone: String!, $after: String) {
      executionStatisticsUpdates(filter: $filter, timeZone: $timeZone, after: $after) {
        ...FailureTotals
      }
    }
  `,
  [TOTALS],
)

/** The error groups of a filter, most frequent first, and what the viewer may do with them. */
export const READ_GROUPS = graphql(
  `
    query Failures($filter: ExecutionFilter, $timeZone: String!) {
      viewer {
        userId
        scopes
      }
      executionStatistics(filter: $filter, timeZone: $timeZone) {
        series {
          start
          end
        }
        errorGroups(first: 100) {
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
          annotation {
            ...Annotation
          }
          sample {
            executionId
            workflowName
            status
            createdAt
            error {
              message
            }
          }
        }
      }
    }
  `,
  [ANNOTATION],
)

/** The error groups as they were read, and who reads them. */
export type Groups = ResultOf<typeof READ_GROUPS>
/** An error group as the page shows it. */
export type ErrorGroup = Groups['executionStatistics']['errorGroups'][number]
/** A part of the range of time, in which a group has a count. */
export type Bucket = Groups['executionStatistics']['series'][number]

/** The newest executions of a group, and the first one. */
export const READ_RUNS = graphql(`
  query FailureRuns($filter: ExecutionFilter) {
    newest: executions(filter: $filter, first: 5) {
      nodes {
        executionId
        workflowName
        status
        createdAt
        durationSeconds
        attempt
        error {
          message
        }
      }
    }
    oldest: executions(filter: $filter, sort: [{ field: CREATED_AT, direction: ASC }], first: 1) {
      nodes {
        executionId
        createdAt
      }
    }
  }
`)

/** An execution of a group. */
export type Run = ResultOf<typeof READ_RUNS>['newest']['nodes'][number]

/** Changes the note, the assignee or the mute of a group. */
export const ANNOTATE = graphql(
  `
    mutation AnnotateErrorGroup($id: ID!, $input: AnnotateErrorGroupInput!) {
      annotateErrorGroup(id: $id, input: $input) {
        annotation {
          ...Annotation
        }
      }
    }
  `,
  [ANNOTATION],
)
