import { graphql, type ResultOf } from '../graphql/graphql.ts'

/** The values that the filter could select, with how many executions have each. */
export const FACET_VALUES = graphql(`
  query FacetValues($filter: ExecutionFilter) {
    executions(filter: $filter, first: 1) {
      facets {
        status {
          ...FacetValue
        }
        workflowName(first: 10) {
          ...FacetValue
        }
        errorCode(first: 10) {
          ...FacetValue
        }
        triggeredBy(first: 10) {
          ...FacetValue
        }
        userId(first: 10) {
          ...FacetValue
        }
        tags: tagKey(first: 10) {
          ...FacetValue
        }
      }
    }
  }

  fragment FacetValue on FacetValue @_unmask {
    value
    count
    countIsExact
  }
`)

/** The values of all facets. */
export type FacetValues = ResultOf<typeof FACET_VALUES>['executions']['facets']
