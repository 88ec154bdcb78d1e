import { useEffect, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { useNow } from '../components/useNow.ts'
import { readClaims } from '../model/token.ts'
import styles from './ExpiryBanner.module.css'
import { signOut } from './session.ts'

// Milliseconds; long enough to finish something and get another token.
const ANNOUNCED_BEFORE = 5 * 60_000

/** Warns before the token expires, and signs out when it has. */
export function ExpiryBanner({ token }: { token: string }) {
  const expiresAt = readClaims(token)?.expiresAt ?? null
  const [isDismissed, setDismissed] = useState(false)
  const now = useNow()
  const left = expiresAt === null ? Infinity : expiresAt - now

  useEffect(() => {
    if (left <= 0) signOut('Your token has expired. Sign in again to continue.')
  }, [left])

  if (left > ANNOUNCED_BEFORE || left <= 0 || isDismissed) return null
  return (
    <div className={styles.expiry} role="status">
      <span>Your session ends in {left > 60_000 ? `${Math.ceil(left / 60_000)} minutes` : 'less than a minute'}.</span>
      <Button kind="quiet" onClick={() => signOut()}>
        Sign in again
      </Button>
      <Button kind="quiet" onClick={() => setDismissed(true)} aria-label="Dismiss">
        <Icon name="close" />
      </Button>
    </div>
  )
}
