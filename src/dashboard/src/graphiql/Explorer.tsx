import { createGraphiQLFetcher, type FetcherOpts, type FetcherParams } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import 'graphiql/setup-workers/vite'
import 'graphiql/style.css'
import { createClient } from 'graphql-ws'
import { useMemo } from 'react'
import { messages } from '../messages/messages.ts'
import { EXAMPLES } from './examples.ts'
import styles from './Explorer.module.css'
import { withOperationName } from './operationName.ts'

/** GraphiQL, whose requests are authenticated with `token`. */
export function Explorer({ token }: { token: string }) {
  const fetcher = useMemo(() => createFetcher(token), [token])
  return (
    <GraphiQL fetcher={fetcher} defaultTabs={[...EXAMPLES]} isHeadersEditorEnabled={false}>
      <GraphiQL.Logo>
        <a className={styles.back} href="/">
          {messages.app.name}
        </a>
      </GraphiQL.Logo>
    </GraphiQL>
  )
}

function createFetcher(token: string) {
  const url = new URL('/graphql', window.location.href)
  const Authorization = `Bearer ${token}`
  const fetch = createGraphiQLFetcher({
    url: url.href,
    headers: { Authorization },
    wsClient: createClient({
      url: url.href.replace(/^http/, 'ws'),
      connectionParams: { Authorization },
      // GraphiQL shows why a subscription ended; people run it again themselves.
      retryAttempts: 0,
    }),
  })
  return (parameters: FetcherParams, options?: FetcherOpts) => {
    const { request, document } = withOperationName(parameters)
    return fetch(request, document === null ? options : { ...options, documentAST: document })
  }
}
