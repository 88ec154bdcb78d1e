import { graphql, type ResultOf } from '../graphql/graphql.ts'

const DETAIL = graphql(`
  fragment Detail on Execution @_unmask {
    executionId
    name
    workflowName
    workflowTemplateId
    status
    statusDetail
    createdAt
    startedAt
    completedAt
    durationSeconds
    progress {
      currentStep
      totalSteps
    }
    attempt
    triggeredBy
    userId
    sessionId
    parentExecutionId
    totalCost
    tokensUsed
    tags {
      key
      value
    }
    error {
      message
      code
      type
      stepId
      stackTrace
      retryable
    }
  }
`)

const STEP = graphql(`
  fragment Step on ExecutionStep @_unmask {
    stepId
    name
    kind
    index
    status
    startedAt
    completedAt
    durationSeconds
    attempt
    dependsOn
    cost
    tokensUsed
    error {
      message
      code
      stackTrace
    }
  }
`)

const LINE = graphql(`
  fragment Line on ExecutionLogEntry @_unmask {
    at
    level
    message
    stepId
  }
`)

export type Detail = ResultOf<typeof DETAIL>
export type Step = ResultOf<typeof STEP>
export type Line = ResultOf<typeof LINE>

/** Everything about one execution: as it is, then as it changes. */
export const ACTIVITY = graphql(
  `
    subscription Activity($executionId: String!, $after: String) {
      executionActivity(executionId: $executionId, after: $after) {
        __typename
        ... on ExecutionUpdate {
          kind
          cursor
          occurredAt
          execution {
            ...Detail
          }
        }
        ... on StepUpdate {
          cursor
          occurredAt
          step {
            ...Step
          }
        }
        ... on LogAppended {
          cursor
          occurredAt
          entry {
            ...Line
          }
        }
      }
    }
  `,
  [DETAIL, STEP, LINE],
)

export type Happening = ResultOf<typeof ACTIVITY>['executionActivity']

/** What the caller may read. */
export const SCOPES = graphql(`
  query Scopes {
    viewer {
      scopes
    }
  }
`)

/** What went in and what came out; it needs the scope executions:payload. */
export const PAYLOADS = graphql(`
  query Payloads($executionId: String!) {
    execution(executionId: $executionId) {
      inputParameters
      finalResult
      steps(first: 100) {
        nodes {
          stepId
          input
          result
        }
      }
    }
  }
`)
