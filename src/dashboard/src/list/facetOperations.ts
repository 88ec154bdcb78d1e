import { graphql, type ResultOf } from '../graphql/graphql.ts'

const VALUE = graphql(`
  fragment FacetValueFields on FacetValue @_unmask {
    value
    count
    countIsExact
  }
`)

/** The values that the filter could select, with how many executions have each. */
export const FACET_VALUES = graphql(
  `
    query FacetValues($filter: ExecutionFilter) {
      executions(filter: $filter, first: 1) {
        facets {
          status {
            ...FacetValueFields
          }
          workflowName(first: 10) {
            ...FacetValueFields
          }
          errorCode(first: 10) {
            ...FacetValueFields
          }
          triggeredBy(first: 10) {
            ...FacetValueFields
          }
          userId(first: 10) {
            ...FacetValueFields
          }
          tags: tagKey(first: 10) {
            ...FacetValueFields
          }
        }
      }
    }
  `,
  [VALUE],
)

/** The values of all facets. */
export type FacetValues = ResultOf<typeof FACET_VALUES>['executions']['facets']
