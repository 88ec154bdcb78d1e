import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { useClient } from 'urql'
import { useConnection } from '../live/ConnectionContext.ts'
import { ExecutionDetail, type Snapshot } from './executionDetail.ts'

/** The execution `executionId`, live. */
export function useExecutionDetail(executionId: string): { detail: ExecutionDetail; snapshot: Snapshot } {
  const client = useClient()
  const connection = useConnection()
  const detail = useMemo(() => new ExecutionDetail(client, connection, executionId), [client, connection, executionId])
  useEffect(() => {
    detail.start()
    return () => detail.stop()
  }, [detail])
  return { detail, snapshot: useSyncExternalStore(detail.subscribe, detail.getSnapshot) }
}
