import { lazy, Suspense, useMemo } from 'react'
import { Provider } from 'urql'
import { Route, Switch, useRoute } from 'wouter'
import { createClient } from '../graphql/client.ts'
import { ConnectionContext } from '../live/ConnectionContext.ts'
import { Connection } from '../live/connection.ts'
import { ListPage } from '../list/ListPage.tsx'
import { Notice } from '../components/Notice.tsx'
import { SignInCallback } from '../session/SignInCallback.tsx'
import { ExpiryBanner } from '../session/ExpiryBanner.tsx'
import { CALLBACK } from '../session/authorizationCodeFlow.ts'
import { signOut, useSession } from '../session/session.ts'
import { SignIn } from '../session/SignIn.tsx'
import { Shell } from './Shell.tsx'

const DetailPage = lazy(() => import('../detail/DetailPage.tsx'))

/** The dashboard: a sign-in, or its pages. */
export function App() {
  const { token, notice } = useSession()
  const [isComingBack] = useRoute(CALLBACK)
  if (isComingBack) return <SignInCallback />
  return token === null ? <SignIn notice={notice} /> : <SignedIn key={token} token={token} />
}

function SignedIn({ token }: { token: string }) {
  const client = useMemo(() => createClient(token, refuse), [token])
  const connection = useMemo(() => new Connection(token, refuse), [token])
  return (
    <ConnectionContext value={connection}>
      <Provider value={client}>
        <Shell banner={<ExpiryBanner token={token} />}>
          <Suspense fallback={<Notice kind="loading" title="Loading …" />}>
            <Switch>
              <Route path="/" component={ListPage} />
              <Route path="/executions/:id">{({ id }) => <DetailPage key={id} executionId={id} />}</Route>
              <Route>
                <Notice kind="empty" title="There is nothing at this address." />
              </Route>
            </Switch>
          </Suspense>
        </Shell>
      </Provider>
    </ConnectionContext>
  )
}

function refuse(reason: string): void {
  signOut(`You were signed out: ${reason}`)
}
