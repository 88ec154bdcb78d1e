import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { useClient } from 'urql'
import { useConnection } from '../live/ConnectionContext.ts'
import type { Connection } from '../live/connection.ts'
import { filterOf, type View } from '../model/view.ts'
import { ExecutionList, type Snapshot } from './executionList.ts'

// The list that was shown last: whoever comes back to it finds it as it was left, and what has happened since.
const left = new WeakMap<Connection, { key: string; list: ExecutionList }>()

/** The executions of `view`, live. */
export function useExecutions(view: View, joinsAtOnce: boolean): { list: ExecutionList; snapshot: Snapshot } {
  const client = useClient()
  const connection = useConnection()
  // Columns and density change nothing of what is read.
  const key = JSON.stringify([view.filter, view.since, view.order])
  const list = useMemo(
    () => {
      const before = left.get(connection)
      if (before?.key === key) return before.list
      const list = new ExecutionList(client, connection, filterOf(view), view.order)
      left.set(connection, { key, list })
      return list
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key says what matters of the view
    [client, connection, key],
  )

  useEffect(() => {
    list.start()
    return () => list.stop()
  }, [list])

  useEffect(() => {
    list.setJoining(joinsAtOnce)
  }, [list, joinsAtOnce])

  return { list, snapshot: useSyncExternalStore(list.subscribe, list.getSnapshot) }
}
