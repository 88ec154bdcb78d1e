import { stringifyDocument } from '@urql/core'
import { useEffect, useState } from 'react'
import { useConnection } from '../live/ConnectionContext.ts'
import { FIRST_EVENTS, type FirstEvent } from './operations.ts'

/** The first event of an execution of `userId` since the page was opened; null until it comes. */
export function useFirstEvent(userId: string | null): FirstEvent | null {
  const connection = useConnection()
  const [event, setEvent] = useState<FirstEvent | null>(null)
  useEffect(() => {
    if (userId === null || event !== null) return
    const query = stringifyDocument(FIRST_EVENTS)
    const subscription = connection.subscribe<FirstEvent>(
      {
        request: (after) => ({ query, variables: { userId, after } }),
        read: (data) => (data as { executionUpdates: FirstEvent }).executionUpdates,
        onEvents: (events) => setEvent(events.find((each) => each.execution !== null) ?? null),
        onStatus: () => undefined,
        onBehind: () => undefined,
        onStale: () => undefined,
      },
      null,
    )
    return () => void subscription.stop()
  }, [connection, userId, event])
  return event
}
