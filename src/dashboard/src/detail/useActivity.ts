import { stringifyDocument } from '@urql/core'
import { useEffect, useState } from 'react'
import { useConnection } from '../live/ConnectionContext.ts'
import { applyActivity, beginActivity, type Activity, type ActivityEvent } from '../model/activity.ts'
import type { LiveStatus } from '../model/transport.ts'
import { ACTIVITY, type Detail, type Happening, type Line, type Step } from './operations.ts'

/** An execution as far as it is known, and how the page hears of it; `ended` once nothing more will happen. */
export interface Followed {
  activity: Activity<Detail, Step, Line>
  status: LiveStatus | 'ended'
  /** Why it cannot be read, as a sentence. */
  error: string | null
}

const NOTHING: Followed = { activity: beginActivity(), status: 'connecting', error: null }
const QUERY = stringifyDocument(ACTIVITY)

/** The execution `executionId` with its steps and log lines, live; another one is for another component. */
export function useActivity(executionId: string): Followed {
  const connection = useConnection()
  const [followed, setFollowed] = useState(NOTHING)

  useEffect(() => {
    const change = (part: Partial<Followed>): void => setFollowed((known) => ({ ...known, ...part }))
    const following = connection.follow<Happening>(
      {
        operation: (after) => ({ query: QUERY, variables: { executionId, after } }),
        read: (data) => (data as { executionActivity: Happening }).executionActivity,
        onEvents: (happenings) => {
          const events = happenings.flatMap(toEvents)
          setFollowed((known) => ({ ...known, activity: applyActivity(known.activity, events) }))
        },
        onStatus: (status) => change({ status }),
        // It begins with all that is there: asking once more is reading again.
        onStale: () => undefined,
        onError: (error) => change({ error }),
        onComplete: () => change({ status: 'ended' }),
      },
      null,
    )
    return () => following.stop()
  }, [connection, executionId])

  return followed
}

function toEvents(happening: Happening): ActivityEvent<Detail, Step, Line>[] {
  switch (happening.__typename) {
    case 'StepUpdate':
      return [{ kind: 'step', step: happening.step }]
    case 'LogAppended':
      return [{ kind: 'line', line: happening.entry }]
    case 'ExecutionUpdate': {
      const { kind, execution } = happening
      if (kind === 'DELETED' || kind === 'LEFT') return [{ kind: 'gone' }]
      if (execution === null) return []
      // What was there comes first, and once more after a gap.
      return [...(kind === 'ENTERED' ? [{ kind: 'begin' } as const] : []), { kind: 'execution', execution }]
    }
  }
}
