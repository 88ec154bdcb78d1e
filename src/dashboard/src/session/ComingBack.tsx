import { useEffect } from 'react'
import { useLocation } from 'wouter'
import { Notice } from '../parts/Notice.tsx'
import { comeBack } from './issuer.ts'
import { signIn, signOut } from './session.ts'

// A code is good for one try, and development runs effects twice.
let attempt: ReturnType<typeof comeBack> | undefined

/** The page that the issuer sends people back to. */
export function ComingBack() {
  const [, navigate] = useLocation()
  useEffect(() => {
    attempt ??= comeBack()
    attempt
      .then(({ token, returnTo }) => {
        navigate(returnTo, { replace: true })
        signIn(token)
      })
      .catch((error: unknown) => {
        navigate('/', { replace: true })
        signOut(error instanceof Error ? error.message : 'Signing in failed. Try again.')
      })
      .finally(() => (attempt = undefined))
  }, [navigate])

  return <Notice kind="loading" title="Signing in …" />
}
