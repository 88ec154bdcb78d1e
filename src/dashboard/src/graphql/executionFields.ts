import { graphql } from './graphql.ts'

/** The fields of an execution that the list and its own page both show. */
export const EXECUTION_FIELDS = graphql(`
  fragment ExecutionFields on Execution @_unmask {
    executionId
    name
    workflowName
    status
    statusDetail
    createdAt
    startedAt
    completedAt
    updatedAt
    durationSeconds
    progress {
      currentStep
      totalSteps
      percentage
    }
    stepsCompleted
    stepsFailed
    attempt
    triggeredBy
    userId
    totalCost
    tokens
    tags {
      key
      value
    }
  }
`)
