// Mercurius on Fastify; graphql-jit compiles an operation at its second request.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { contextOf, resolvers, typeDefs } from './list.js'
import { port } from './settings.js'

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  context: (request) => contextOf(request.headers.authorization),
  jit: 1,
})

await app.listen({ port, host: '127.0.0.1' })
