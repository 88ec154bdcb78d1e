// graphql-compose-mongoose as documented, served by Yoga: fields have the names of the stored documents.
import { createServer } from 'node:http'
import { schemaComposer } from 'graphql-compose'
import { composeMongoose } from 'graphql-compose-mongoose'
import { createYoga } from 'graphql-yoga'
import mongoose from 'mongoose'
import { callerOf } from './caller.js'
import { database, port, uri } from './settings.js'

const progress = new mongoose.Schema({ current_step: Number, total_steps: Number, percentage: Number }, { _id: false })
const Execution = mongoose.model(
  'Execution',
  new mongoose.Schema({
    tenant_id: String,
    user_id: String,
    execution_id: { type: String, required: true },
    execution_name: String,
    workflow_name: { type: String, required: true },
    status: { type: String, required: true },
    created: { type: Date, required: true },
    started_at: Date,
    completed_at: Date,
    total_duration: Number,
    progress,
    triggered_by: String,
    attempt: Number,
  }),
  'workflow_executions',
)
// Our server has created the indexes that all use.
mongoose.set('autoIndex', false)
mongoose.set('autoCreate', false)
await mongoose.connect(uri, { dbName: database })

const executions = composeMongoose(Execution).mongooseResolvers.connection({
  sort: {
    NEWEST_FIRST: {
      value: { created: -1, _id: -1 },
      cursorFields: ['created', '_id'],
      beforeCursorQuery: () => { throw new Error('Nobody pages here.') },
      afterCursorQuery: () => { throw new Error('Nobody pages here.') },
    },
  },
})
schemaComposer.Query.addFields({
  executions: executions.wrapResolve((next) => (params) => {
    const { tenant, user } = params.context.caller
    return next({ ...params, args: { ...params.args, filter: { ...params.args.filter, tenant_id: tenant, user_id: user } } })
  }),
})

const yoga = createYoga({
  schema: schemaComposer.buildSchema(),
  context: ({ request }) => ({ caller: callerOf(request.headers.get('authorization')) }),
  graphiql: false,
  logging: false,
})

createServer(yoga).listen(port, '127.0.0.1')
