import { Client, fetchExchange, mapExchange, type CombinedError } from '@urql/core'

/** What the dashboard asks with: as whoever `token` is for; `onRefused` is told why a token is taken no more. */
export function createClient(token: string, onRefused: (reason: string) => void): Client {
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    // Lists live on events, not on a cache of answers.
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

/** The stable code of the first error; null when the server could not be reached. */
export function codeOf(error: CombinedError): string | null {
  const code = error.graphQLErrors[0]?.extensions.code
  return typeof code === 'string' ? code : null
}

/** `error` as a sentence for people. */
export function explain(error: CombinedError | undefined): string {
  const first = error?.graphQLErrors[0]
  if (first !== undefined) return first.message
  return 'The server cannot be reached. Check your connection; the page tries again by itself.'
}
