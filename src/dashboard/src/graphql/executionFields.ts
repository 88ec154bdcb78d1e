import { graphql } from './graphql.ts'

/** What the list and the page of an execution both show of it. */
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
    attempt
    triggeredBy
    userId
    totalCost
    tokensUsed
    tags {
      key
      value
    }
  }
`)
