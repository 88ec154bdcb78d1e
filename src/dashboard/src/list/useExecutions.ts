import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { useClient } from 'urql'
import { useConnection } from '../live/ConnectionContext.ts'
import { filterOf, type View } from '../model/view.ts'
import { ExecutionList, type Snapshot } from './executionList.ts'

/** The executions of `view`, live. */
export function useExecutions(view: View, joinsAtOnce: boolean): { list: ExecutionList; snapshot: Snapshot } {
  const client = useClient()
  const connection = useConnection()
  // Columns and density change nothing of what is read.
  const key = JSON.stringify([view.filter, view.since, view.order])
  const list = useMemo(
    () => new ExecutionList(client, connection, filterOf(view), view.order),
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
