import { useState, useSyncExternalStore } from 'react'
import { useClient } from 'urql'
import { Button } from '../components/Button.tsx'
import { useConnection } from '../live/ConnectionContext.ts'
import { messages } from '../messages/messages.ts'
import { isSessionOf, useSession } from '../session/session.ts'
import { followedRunsOf } from './followedRuns.ts'
import styles from './Summary.module.css'

/** A switch for a notification when the execution ends. The browser asks for permission on the click, and not before. */
export function FollowButton({ executionId }: { executionId: string }) {
  const text = messages.detail.follow
  const client = useClient()
  const connection = useConnection()
  const { token } = useSession()
  const runs = followedRunsOf(client, connection, () => isSessionOf(token))
  const isFollowed = useSyncExternalStore(runs.subscribe, () => runs.isFollowed(executionId))
  const [isDenied, setDenied] = useState(false)
  // Browsers offer notifications to pages from HTTPS or from the own machine alone.
  if (!('Notification' in window) || !window.isSecureContext) return null

  async function toggle(): Promise<void> {
    if (isFollowed) {
      runs.unfollow(executionId)
      return
    }
    const permission = await Notification.requestPermission()
    setDenied(permission === 'denied')
    if (permission === 'granted') runs.follow(executionId)
  }

  return (
    <>
      <Button aria-pressed={isFollowed} title={text.title} onClick={() => void toggle()}>
        {isFollowed ? text.following : text.follow}
      </Button>
      {isDenied && (
        <span className={styles.soft} role="alert">
          {text.denied}
        </span>
      )}
    </>
  )
}
