import { EXECUTION_FIELDS } from '../graphql/executionFields.ts'
import { graphql, type ResultOf } from '../graphql/graphql.ts'

const SHOWN = graphql(
  `
    fragment Shown on Execution @_unmask {
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

const SHOWN_STEP = graphql(`
  fragment ShownStep on ExecutionStep @_unmask {
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
    tokensUsed
    error {
      message
      code
      type
      stackTrace
      retryable
    }
  }
`)

const SHOWN_LINE = graphql(`
  fragment ShownLine on ExecutionLogEntry @_unmask {
    at
    level
    message
    stepId
    attributes
  }
`)

/** An execution as its page shows it. */
export type Execution = ResultOf<typeof SHOWN>
/** One of its steps. */
export type Step = ResultOf<typeof SHOWN_STEP>
/** One of its log lines. */
export type LogLine = ResultOf<typeof SHOWN_LINE>

/** The present state, without a subscription. */
export const PRESENT = graphql(
  `
    query Present($id: String!) {
      execution(executionId: $id) {
        ...Shown
        steps(first: 100) {
          nodes {
            ...ShownStep
          }
        }
        logs(last: 100) {
          nodes {
            ...ShownLine
          }
        }
      }
    }
  `,
  [SHOWN, SHOWN_STEP, SHOWN_LINE],
)

/** Everything that happens to one execution; without a cursor its present state first. */
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
            ...Shown
          }
        }
        ... on StepUpdate {
          cursor
          occurredAt
          step {
            ...ShownStep
          }
        }
        ... on LogAppended {
          cursor
          occurredAt
          entry {
            ...ShownLine
          }
        }
      }
    }
  `,
  [SHOWN, SHOWN_STEP, SHOWN_LINE],
)

/** An event, as `ACTIVITY` tells it. */
export type Activity = ResultOf<typeof ACTIVITY>['executionActivity']

/** A page of log lines that ends before a cursor. */
export const OLDER_LOG_LINES = graphql(
  `
    query OlderLogLines($id: String!, $before: String, $minLevel: LogLevel, $search: String) {
      execution(executionId: $id) {
        logs(last: 100, before: $before, minLevel: $minLevel, search: $search) {
          edges {
            cursor
            node {
              ...ShownLine
            }
          }
          pageInfo {
            hasPreviousPage
          }
        }
      }
    }
  `,
  [SHOWN_LINE],
)

/** The executions that this one has begun. */
export const CHILDREN = graphql(`
  query Children($id: String!) {
    executions(filter: { parentExecutionId: { eq: $id } }, sort: [{ field: CREATED_AT, direction: ASC }], first: 20) {
      nodes {
        executionId
        workflowName
        status
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

/** What went in and came out; it needs a scope of its own. */
export const PAYLOADS = graphql(`
  query Payloads($id: String!) {
    execution(executionId: $id) {
      inputParameters
      finalResult
    }
  }
`)

/** What went into a step and came out of it; it needs a scope of its own. */
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

/** The last execution of the same workflow, before an instant, that went well. */
export const LAST_SUCCESS = graphql(`
  query LastSuccess($workflow: String!, $before: DateTime!) {
    executions(
      filter: { workflowName: { eq: $workflow }, status: { eq: COMPLETED }, createdAt: { lt: $before } }
      first: 1
    ) {
      nodes {
        executionId
        createdAt
        durationSeconds
        steps(first: 100) {
          nodes {
            stepId
            name
            durationSeconds
          }
        }
      }
    }
  }
`)
