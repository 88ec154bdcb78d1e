import { useEffect, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { useNow } from '../components/useNow.ts'
import { messages } from '../messages/messages.ts'
import { readClaims } from '../model/token.ts'
import styles from './ExpiryBanner.module.css'
import { signOut } from './session.ts'

// Milliseconds: long enough to finish something and get another token.
const MINUTE = 60_000
const ANNOUNCED_BEFORE = 5 * MINUTE

/** Warns before the token expires, and signs out when it has. */
export function ExpiryBanner({ token }: { token: string }) {
  const words = messages.session
  const expiresAt = readClaims(token)?.expiresAt ?? null
  const [isDismissed, setDismissed] = useState(false)
  const now = useNow()
  const left = expiresAt === null ? Infinity : expiresAt - now

  useEffect(() => {
    if (left <= 0) signOut(messages.session.sessionExpired)
  }, [left])

  if (left > ANNOUNCED_BEFORE || left <= 0 || isDismissed) return null
  return (
    <div className={styles.expiry} role="status">
      <span>{left > MINUTE ? words.endsIn(Math.ceil(left / MINUTE)) : words.endsSoon}</span>
      <Button kind="quiet" onClick={() => signOut()}>
        {words.signInAgain}
      </Button>
      <Button kind="quiet" onClick={() => setDismissed(true)} aria-label={words.dismiss}>
        <Icon name="close" />
      </Button>
    </div>
  )
}
