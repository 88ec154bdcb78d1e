// Prints what graphql-http's audits of GraphQL over HTTP find at the address in argv, with the token in TOKEN.
import { auditServer } from 'graphql-http'

const found = await auditServer({
  url: process.argv[2],
  fetchFn: (url, { headers, ...rest } = {}) =>
    fetch(url, { ...rest, headers: { ...headers, authorization: `Bearer ${process.env.TOKEN}` } }),
})
const shown = found.map(({ id, name, status, response }) => ({ id, name, status, answered: response?.status ?? null }))
process.stdout.write(JSON.stringify(shown))
