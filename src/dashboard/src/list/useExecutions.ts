import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { useClient } from 'urql'
import { USER_ATTENTION } from '../components/attention.ts'
import type { Connection } from '../live/connection.ts'
import { useConnection } from '../live/ConnectionContext.ts'
import { rememberList } from '../live/lastList.ts'
import { filterOf } from '../model/scope.ts'
import type { View } from '../model/view.ts'
import { ExecutionList } from './executionList.ts'
import type { Snapshot } from './snapshot.ts'

// The last list of each connection, so that going back to it restores its rows and scroll position.
const lastLists = new WeakMap<Connection, { key: string; list: ExecutionList }>()

/** The executions of `view`, live. */
export function useExecutions(view: View, showsNewAtOnce: boolean): { list: ExecutionList; snapshot: Snapshot } {
  const client = useClient()
  const connection = useConnection()
  // Columns and density do not change what is read.
  const key = JSON.stringify([view.filter, view.since, view.until, view.order])
  const list = useMemo(
    () => {
      const last = lastLists.get(connection)
      if (last?.key === key) return last.list
      const list = new ExecutionList(client, connection, filterOf(view), view.order, USER_ATTENTION)
      lastLists.set(connection, { key, list })
      return list
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key holds what matters of the view
    [client, connection, key],
  )

  useEffect(() => {
    list.start()
    rememberList(connection, list)
    return () => list.stop()
  }, [connection, list])

  useEffect(() => {
    list.setShowsNewAtOnce(showsNewAtOnce)
  }, [list, showsNewAtOnce])

  return { list, snapshot: useSyncExternalStore(list.subscribe, list.getSnapshot) }
}
