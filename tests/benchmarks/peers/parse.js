// Parse Server on our collection as a class, with its GraphQL and, at the root, its LiveQuery.
import { createServer } from 'node:http'
import express from 'express'
import Parse from 'parse/node'
import { ParseGraphQLServer, ParseServer } from 'parse-server'
import { callerOf } from './caller.js'
import { database, port, uri } from './settings.js'

const appId = 'benchmark'
const className = 'workflow_executions'
const [text, date, number, object] = ['String', 'Date', 'Number', 'Object'].map((type) => ({ type }))
const fields = {
  tenant_id: text, user_id: text, execution_id: text, execution_name: text, workflow_name: text, status: text,
  created: date, started_at: date, completed_at: date, total_duration: number, progress: object, triggered_by: text,
  attempt: number, version: number,
}

const location = new URL(uri)
location.pathname = database
const parse = new ParseServer({
  appId,
  masterKey: crypto.randomUUID(),
  databaseURI: location.href,
  collectionPrefix: '',
  serverURL: `http://127.0.0.1:${port}/parse`,
  schema: { definitions: [{ className, fields, classLevelPermissions: Object.fromEntries(
    ['find', 'get', 'count', 'create', 'update', 'delete', 'addField'].map((operation) => [operation, { '*': true }]),
  ) }] },
  liveQuery: { classNames: [className] },
  allowClientClassCreation: false,
  silent: true,
  verbose: false,
})
await parse.start()

// What a caller may see is a part of every query, as elsewhere.
Parse.Cloud.beforeFind(className, ({ query, user }) => {
  query.equalTo('tenant_id', user.get('tenant')).equalTo('user_id', user.id)
})

const graphql = new ParseGraphQLServer(parse, { graphQLPath: '/graphql' })
await graphql.parseGraphQLController.updateGraphQLConfig({
  classConfigs: [{ className, query: { findAlias: 'executions' } }],
})

const app = express()
app.use('/parse', parse.app)
app.use('/graphql', (request, _, next) => {
  const { user, tenant } = callerOf(request.headers.authorization)
  request.headers['x-parse-application-id'] = appId
  request.userFromJWT = Parse.User.fromJSON({ className: '_User', objectId: user, tenant })
  next()
})
graphql.applyGraphQL(app)

const server = createServer(app)
ParseServer.createLiveQueryServer(server)
server.listen(port, '127.0.0.1')
