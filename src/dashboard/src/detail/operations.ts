import { EXECUTION_FIELDS } from '../graphql/executionFields.ts'
import { graphql, type ResultOf } from '../graphql/graphql.ts'

const DETAIL = graphql(
  `
    fragment Detail on Execution @_unmask {
      ...ExecutionFields
      workflowTemplateId
      tenantId
      sessionId
      parentExecutionId
      error {
        message
        code
        type
        stepId
        stackTrace
        retryable
      }
    }
  `,
  [EXECUTION_FIELDS],
)

const STEP = graphql(`
  fragment Step on ExecutionStep @_unmask {
    id
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
    tokens
    model
    inputTokens
    outputTokens
    cachedTokens
    error {
      message
      code
      type
      stackTrace
      retryable
    }
  }
`)

/** The fields of a log line. */
export const LOG_LINE = graphql(`
  fragment LogLine on ExecutionLogEntry @_unmask {
    at
    level
    levelName
    message
    stepId
    attributes
  }
`)

/** An execution as its page shows it. */
export type Execution = ResultOf<typeof DETAIL>
/** One of its steps. */
export type Step = ResultOf<typeof STEP>
/** One of its log lines. */
export type LogLine = ResultOf<typeof LOG_LINE>

/** The present state of an execution, its first steps and its last log lines. */
export const PRESENT = graphql(
  `
    query Present($id: String!) {
      execution(executionId: $id) {
        ...Detail
        steps(first: 100) {
          nodes {
            ...Step
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
        failedSteps: steps(first: 100, filter: { status: { in: [FAILED, TIMED_OUT] } }) {
          nodes {
            ...Step
          }
        }
        logs(last: 100) {
          nodes {
            ...LogLine
          }
        }
      }
    }
  `,
  [DETAIL, STEP, LOG_LINE],
)

/** The page of steps after a cursor. */
export const MORE_STEPS = graphql(
  `
    query MoreSteps($id: String!, $after: String) {
      execution(executionId: $id) {
        steps(first: 1000, after: $after) {
          nodes {
            ...Step
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [STEP],
)

/** Every change to one execution; without a cursor, its present state first. */
export const ACTIVITY = graphql(
  `
    subscription Activity($id: String!, $after: String) {
      executionActivity(executionId: $id, after: $after) {
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
            ...LogLine
          }
        }
      }
    }
  `,
  [DETAIL, STEP, LOG_LINE],
)

/** An event of `ACTIVITY`. */
export type Activity = ResultOf<typeof ACTIVITY>['executionActivity']

/** Whether an execution has ended, and the cursor from which its changes follow. */
export const ENDED_EXECUTION = graphql(`
  query EndedExecution($id: String!) {
    executions(filter: { executionId: { eq: $id } }, first: 1) {
      nodes {
        status
      }
      liveCursor
    }
  }
`)

/** Changes of an execution that has ended. */
export const ENDED_EXECUTION_CHANGES = graphql(`
  subscription EndedExecutionChanges($id: String!, $after: String) {
    executionUpdates(filter: { executionId: { eq: $id } }, after: $after) {
      cursor
      occurredAt
    }
  }
`)

/** An event of `ENDED_EXECUTION_CHANGES`. */
export type EndedExecutionChange = ResultOf<typeof ENDED_EXECUTION_CHANGES>['executionUpdates']

/** The runs of a workflow right before and right after a time. */
export const NEIGHBOURS = graphql(`
  query Neighbours($workflow: String!, $at: DateTime!) {
    older: executions(filter: { workflowName: { eq: $workflow }, createdAt: { lt: $at } }, first: 1) {
      nodes {
        executionId
      }
    }
    newer: executions(
      filter: { workflowName: { eq: $workflow }, createdAt: { gt: $at } }
      sort: [{ field: CREATED_AT, direction: ASC }]
      first: 1
    ) {
      nodes {
        executionId
      }
    }
  }
`)

const RELATIVE = graphql(`
  fragment Relative on Execution @_unmask {
    executionId
    workflowName
    status
    attempt
    durationSeconds
  }
`)

/** The executions that this one has started, the one that it repeats, those that repeat it, and what recovered it. */
export const RELATIVES = graphql(
  `
    query Relatives($id: String!) {
      executions(filter: { parentExecutionId: { eq: $id } }, sort: [{ field: CREATED_AT, direction: ASC }], first: 20) {
        nodes {
          ...Relative
        }
        pageInfo {
          hasNextPage
        }
      }
      execution(executionId: $id) {
        recoveredBy
        retryOf {
          ...Relative
          retryOf {
            ...Relative
            retryOf {
              ...Relative
            }
          }
        }
        retries {
          ...Relative
        }
      }
    }
  `,
  [RELATIVE],
)

/** An execution that may be an earlier attempt of one that it is the parent of. */
export const REPEATED_PARENT = graphql(
  `
    query RepeatedParent($id: String!) {
      execution(executionId: $id) {
        ...Relative
        parentExecutionId
      }
    }
  `,
  [RELATIVE],
)

/** The input and result of an execution; needs the scope `executions:payload`. */
export const PAYLOADS = graphql(`
  query Payloads($id: String!) {
    execution(executionId: $id) {
      inputParameters
      finalResult
    }
  }
`)

/** The input and result of a step; needs the scope `executions:payload`. */
export const STEP_PAYLOADS = graphql(`
  query StepPayloads($id: ID!) {
    node(id: $id) {
      ... on ExecutionStep {
        input
        result
      }
    }
  }
`)
