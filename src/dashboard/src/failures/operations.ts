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

/** The error groups of a filter, most frequent first, and what the viewer may do with them. */
export const FAILURES = graphql(
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
        asOf
      }
    }
  `,
  [ANNOTATION],
)

type Statistics = ResultOf<typeof FAILURES>['executionStatistics']
/** An error group as the page shows it. */
export type ErrorGroup = Statistics['errorGroups'][number]
/** A part of the range of time, in which a group has a count. */
export type Bucket = Statistics['series'][number]

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
