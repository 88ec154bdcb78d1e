import { lazy, Suspense, useMemo } from 'react'
import { Provider } from 'urql'
import { Redirect, Route, Switch, useRoute } from 'wouter'
import { usePathname, useSearch } from 'wouter/use-browser-location'
import { ZoneProvider } from '../bar/ZoneProvider.tsx'
import { NotFound } from '../components/NotFound.tsx'
import { Notice } from '../components/Notice.tsx'
import { createClient } from '../graphql/client.ts'
import { Connection } from '../live/connection.ts'
import { ConnectionContext } from '../live/ConnectionContext.ts'
import { messages } from '../messages/messages.ts'
import { executionIdOf, movedListPath, SIGN_IN_CALLBACK_PATH } from '../model/paths.ts'
import { ExpiryBanner } from '../session/ExpiryBanner.tsx'
import { signOut, useSession } from '../session/session.ts'
import { DetailPage, ListPage, OverviewPage, PAGES } from './pages.ts'
import { Shell } from './Shell.tsx'

// Most visitors are signed in.
const SignIn = lazy(() => import('../session/SignIn.tsx'))
const SignInCallback = lazy(() => import('../session/SignInCallback.tsx'))

/** The dashboard: its pages, or the sign-in page. */
export function App() {
  const { token, notice } = useSession()
  const [isCallback] = useRoute(SIGN_IN_CALLBACK_PATH)
  if (token !== null && !isCallback) return <SignedIn key={token} token={token} />
  return <Suspense>{isCallback ? <SignInCallback /> : <SignIn notice={notice} />}</Suspense>
}

function SignedIn({ token }: { token: string }) {
  const client = useMemo(() => createClient(token, handleRefusal), [token])
  const connection = useMemo(() => new Connection(token, handleRefusal), [token])
  return (
    <ConnectionContext value={connection}>
      <Provider value={client}>
        <ZoneProvider>
          <Shell banner={<ExpiryBanner token={token} />}>
            <Suspense fallback={<Notice kind="loading" title={messages.app.loading} />}>
              <Switch>
                <Route path="/" component={StartRoute} />
                {PAGES.map(([path, component]) => (
                  <Route key={String(path)} path={path} component={component} />
                ))}
                {/* Exactly: the page of an execution without segments is below `/executions/`. */}
                <Route path={/^\/executions$/} component={ListPage} />
                <Route>
                  <ExecutionRoute />
                </Route>
              </Switch>
            </Suspense>
          </Shell>
        </ZoneProvider>
      </Provider>
    </ConnectionContext>
  )
}

/** The start page, or the list, whose addresses were there once. */
function StartRoute() {
  const moved = movedListPath(useSearch())
  return moved === null ? <OverviewPage /> : <Redirect to={moved} replace />
}

/** The page of the execution at the address. Of the address as it is: the router decodes parts of it. */
function ExecutionRoute() {
  const executionId = executionIdOf(usePathname(), useSearch())
  if (executionId === null) return <NotFound />
  return <DetailPage key={executionId} executionId={executionId} />
}

function handleRefusal(reason: string): void {
  signOut(messages.app.signedOut(reason))
}
