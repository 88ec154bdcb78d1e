import { useEffect } from 'react'
import { useLocation } from 'wouter'
import { Notice } from '../components/Notice.tsx'
import { messages } from '../messages/messages.ts'
import { finishSignIn } from './authorizationCodeFlow.ts'
import { signIn, signOut } from './session.ts'

// A code can be redeemed once, and React's StrictMode runs effects twice.
let attempt: ReturnType<typeof finishSignIn> | undefined

/** The page that the issuer redirects to after signing in. */
export default function SignInCallback() {
  const [, navigate] = useLocation()
  useEffect(() => {
    attempt ??= finishSignIn()
    attempt
      .then(({ token, returnTo }) => {
        navigate(returnTo, { replace: true })
        signIn(token)
      })
      .catch((error: unknown) => {
        navigate('/', { replace: true })
        signOut(error instanceof Error ? error.message : messages.session.failed)
      })
      .finally(() => (attempt = undefined))
  }, [navigate])

  return <Notice kind="loading" title={messages.session.signingIn} />
}
