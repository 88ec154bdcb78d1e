import { Client, fetchExchange, mapExchange, type CombinedError } from '@urql/core'
import { messages } from '../messages/messages.ts'

/** A GraphQL client that authenticates with `token`; `onRefused` is called with a message when the server rejects it. */
export function createClient(token: string, onRefused: (reason: string) => void): Client {
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    // Live events keep the pages up to date, so that nothing is cached.
    requestPolicy: 'network-only',
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [
      mapExchange({
        onError(error) {
          if (codeOf(error) === 'UNAUTHENTICATED') onRefused(explain(error))
        },
      }),
      fetchExchange,
    ],
  })
}

/** The code of the first GraphQL error; null when the server could not be reached. */
export function codeOf(error: CombinedError): string | null {
  const code = error.graphQLErrors[0]?.extensions.code
  return typeof code === 'string' ? code : null
}

/** Why there is no data, as a sentence for people, and whether the server could not be reached. */
export function problemOf(error: CombinedError | undefined): { error: string; isUnreachable: boolean } {
  return { error: explain(error), isUnreachable: error === undefined || error.graphQLErrors.length === 0 }
}

/** The message of `error` for people. */
export function explain(error: CombinedError | undefined): string {
  const first = error?.graphQLErrors[0]
  if (first !== undefined) return first.message
  return messages.components.unreachable
}
