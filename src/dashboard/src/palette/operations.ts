import { graphql } from '../graphql/graphql.ts'

/** The workflows of the last 30 days, those with most executions first. */
export const WORKFLOWS = graphql(`
  query PaletteWorkflows($filter: ExecutionFilter) {
    executionStatistics(filter: $filter, allowSampling: true) {
      groups(by: WORKFLOW_NAME, first: 100) {
        value
      }
    }
  }
`)

/** The execution with the id, if there is one. */
export const EXECUTION = graphql(`
  query PaletteExecution($id: String!) {
    execution(executionId: $id) {
      executionId
      workflowName
      status
    }
  }
`)
