// GraphQL Yoga on Node's own HTTP server; it caches parsed and validated documents by itself.
import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'
import { contextOf, resolvers, typeDefs } from './list.js'
import { port } from './settings.js'

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: ({ request }) => contextOf(request.headers.get('authorization')),
  graphiql: false,
  logging: false,
})

createServer(yoga).listen(port, '127.0.0.1')
