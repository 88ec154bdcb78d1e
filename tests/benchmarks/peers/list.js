// The list of Yoga, Mercurius and Apollo Server: one schema and one resolver on MongoDB's driver.
import DataLoader from 'dataloader'
import { MongoClient } from 'mongodb'
import { callerOf } from './caller.js'
import { database, uri } from './settings.js'

export const typeDefs = /* GraphQL */ `
  enum ExecutionStatus { COMPLETED FAILED RUNNING }
  input ExecutionStatusFilter { eq: ExecutionStatus! }
  input ExecutionFilter { status: ExecutionStatusFilter! }
  type Progress { currentStep: Int! totalSteps: Int! percentage: Float! }
  type Execution {
    executionId: ID!
    name: String
    workflowName: String!
    status: ExecutionStatus!
    createdAt: String!
    startedAt: String
    completedAt: String
    durationSeconds: Float
    progress: Progress!
    userId: String!
    triggeredBy: String
    attempt: Int!
    steps(first: Int!): StepConnection!
  }
  type Step { stepId: ID! name: String! status: ExecutionStatus! attempt: Int! }
  type StepConnection { nodes: [Step!]! }
  type PageInfo { hasNextPage: Boolean! }
  type ExecutionConnection { nodes: [Execution!]! pageInfo: PageInfo! }
  type Query { executions(filter: ExecutionFilter!, first: Int!): ExecutionConnection! }
`

const client = await MongoClient.connect(uri)
const executions = client.db(database).collection('workflow_executions')
const steps = client.db(database).collection('workflow_step_executions')
const projection = {
  _id: 0, execution_id: 1, execution_name: 1, workflow_name: 1, status: 1, created: 1, started_at: 1, completed_at: 1,
  total_duration: 1, progress: 1, user_id: 1, triggered_by: 1, attempt: 1,
}

function toNode(row) {
  return {
    executionId: row.execution_id,
    name: row.execution_name,
    workflowName: row.workflow_name,
    status: row.status.toUpperCase(),
    createdAt: row.created.toISOString(),
    startedAt: row.started_at?.toISOString(),
    completedAt: row.completed_at?.toISOString(),
    durationSeconds: row.total_duration,
    progress: {
      currentStep: row.progress.current_step,
      totalSteps: row.progress.total_steps,
      percentage: row.progress.percentage,
    },
    userId: row.user_id,
    triggeredBy: row.triggered_by,
    attempt: row.attempt,
  }
}

async function loadSteps(caller, ids) {
  const found = steps.find(
    { tenant_id: caller.tenant, execution_id: { $in: ids } },
    {
      projection: { _id: 0, execution_id: 1, step_id: 1, step_name: 1, status: 1, attempt: 1 },
      sort: { execution_id: 1, step_index: 1, _id: 1 },
      batchSize: 10_000,
    },
  )
  const ofExecution = new Map(ids.map((id) => [id, []]))
  for (const row of await found.toArray()) ofExecution.get(row.execution_id).push(row)
  return ids.map((id) => ofExecution.get(id))
}

function toStep(row) {
  return { stepId: row.step_id, name: row.step_name, status: row.status.toUpperCase(), attempt: row.attempt }
}

// The context of a request: its caller, and a loader of steps for all executions of a response at once.
export function contextOf(authorization) {
  const caller = callerOf(authorization)
  let loader
  return {
    caller,
    stepsOf: (id) => (loader ??= new DataLoader((ids) => loadSteps(caller, ids))).load(id),
  }
}

export const resolvers = {
  Query: {
    async executions(_, { filter, first }, { caller }) {
      const where = { tenant_id: caller.tenant, user_id: caller.user, status: filter.status.eq.toLowerCase() }
      const sort = { created: -1, _id: -1 }
      // One more than the page in one batch, so that there is no second.
      const found = executions.find(where, { projection, sort, limit: first + 1, batchSize: first + 2 })
      const rows = await found.toArray()
      return { nodes: rows.slice(0, first).map(toNode), pageInfo: { hasNextPage: rows.length > first } }
    },
  },
  Execution: {
    async steps({ executionId }, { first }, { stepsOf }) {
      return { nodes: (await stepsOf(executionId)).slice(0, first).map(toStep) }
    },
  },
}
