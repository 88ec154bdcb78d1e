// Apollo Server on Express, as its documentation advises for production; it caches parsed and validated documents.
import { ApolloServer } from '@apollo/server'
import { expressMiddleware } from '@as-integrations/express5'
import express from 'express'
import { contextOf, resolvers, typeDefs } from './list.js'
import { port } from './settings.js'

const server = new ApolloServer({ typeDefs, resolvers })
await server.start()
const app = express()
app.use(
  '/graphql',
  express.json(),
  expressMiddleware(server, { context: async ({ req }) => contextOf(req.headers.authorization) }),
)

app.listen(port, '127.0.0.1')
