import { createGraphiQLFetcher, type FetcherOpts, type FetcherParams } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import 'graphiql/setup-workers/vite'
import 'graphiql/style.css'
import { createClient } from 'graphql-ws'
import { useMemo } from 'react'
import { EXAMPLES } from './examples.ts'
import styles from './Explorer.module.css'
import { withOperationName } from './operationName.ts'

/** GraphiQL, asking as whoever `token` is for. */
export function Explorer({ token }: { token: string }) {
  const fetcher = useMemo(() => createFetcher(token), [token])
  return (
    <GraphiQL fetcher={fetcher} defaultTabs={[...EXAMPLES]} isHeadersEditorEnabled={false}>
      <GraphiQL.Logo>
        <a className={styles.back} href="/">
          Execution Monitor
        </a>
      </GraphiQL.Logo>
    </GraphiQL>
  )
}

function createFetcher(token: string) {
  const address = new URL('/graphql', window.location.href)
  const Authorization = `Bearer ${token}`
  const fetch = createGraphiQLFetcher({
    url: address.href,
    headers: { Authorization },
    wsClient: createClient({
      url: address.href.replace(/^http/, 'ws'),
      connectionParams: { Authorization },
      // GraphiQL shows why a subscription ended; whoever runs it runs it again.
      retryAttempts: 0,
    }),
  })
  return (parameters: FetcherParams, options?: FetcherOpts) => {
    const { asked, document } = withOperationName(parameters)
    return fetch(asked, document === null ? options : { ...options, documentAST: document })
  }
}
