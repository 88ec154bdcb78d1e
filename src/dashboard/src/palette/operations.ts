import { graphql } from '../graphql/graphql.ts'

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
