// Live updates as Yoga and graphql-ws have them: one change stream, and for each subscriber a filter over all changes.
import { createServer } from 'node:http'
import { createPubSub, createSchema, createYoga, filter, pipe } from 'graphql-yoga'
import { useServer } from 'graphql-ws/use/ws'
import { MongoClient } from 'mongodb'
import { WebSocketServer } from 'ws'
import { callerOf } from './caller.js'
import { database, port, uri } from './settings.js'

const typeDefs = /* GraphQL */ `
  type Progress { percentage: Float }
  type Execution { status: String!, progress: Progress }
  type ExecutionUpdate { kind: String!, cursor: String!, executionId: ID!, execution: Execution }
  type Query { ok: Boolean }
  type Subscription { executionUpdates: ExecutionUpdate! }
`
const updates = createPubSub()
const resolvers = {
  Subscription: {
    executionUpdates: {
      subscribe: (_, __, { caller }) =>
        pipe(
          updates.subscribe('changed'),
          filter(({ row }) => row.tenant_id === caller.tenant && (caller.seesTenant || row.user_id === caller.user)),
        ),
      resolve: ({ row, cursor }) => ({
        kind: 'ENTERED',
        cursor,
        executionId: row.execution_id,
        execution: { status: row.status.toUpperCase(), progress: row.progress ?? { percentage: 0 } },
      }),
    },
  },
}

const client = await MongoClient.connect(uri)
const changes = client.db(database).collection('workflow_executions').watch([], { fullDocument: 'updateLookup' })
changes.on('change', (change) => updates.publish('changed', { row: change.fullDocument, cursor: change._id._data }))

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), graphiql: false, logging: false })
const server = createServer(yoga)
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    // As documented by Yoga, so that its plugins are used.
    async onSubscribe({ connectionParams, extra }, _, params) {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        req: extra.request,
        socket: extra.socket,
        params,
      })
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: { ...(await contextFactory()), caller: callerOf(connectionParams.Authorization) },
        rootValue: { execute, subscribe },
      }
      const errors = validate(args.schema, args.document)
      return errors.length > 0 ? errors : args
    },
  },
  new WebSocketServer({ server, path: '/graphql' }),
)
server.listen(port, '127.0.0.1')
