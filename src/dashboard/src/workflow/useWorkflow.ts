import { useCallback, useEffect, useRef, useState } from 'react'
import { useClient } from 'urql'
import { useZone } from '../components/ZoneContext.ts'
import { explain } from '../graphql/client.ts'
import type { Filter } from '../model/filter.ts'
import { toFilterInput } from '../model/filterInput.ts'
import { RUNS, WORKFLOW, type Run, type Statistics } from './operations.ts'

interface State {
  /** Null until they are there; of the filter before while others are read. */
  statistics: Statistics | null
  runs: readonly Run[] | null
  error: string | null
}

interface Workflow extends State {
  read: () => Promise<void>
}

const REFRESH_MS = 60_000
const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The runs that match `filter`, and what they add up to; read again every minute while the page is seen. */
export function useWorkflow(filter: Filter): Workflow {
  const client = useClient()
  const timeZone = useZone() ?? LOCAL_ZONE
  const [state, setState] = useState<State>({ statistics: null, runs: null, error: null })
  const latest = useRef(0)

  const read = useCallback(async (): Promise<void> => {
    const number = ++latest.current
    const where = toFilterInput(filter, Date.now())
    const [statistics, runs] = await Promise.all([
      client.query(WORKFLOW, { filter: where, timeZone }).toPromise(),
      client.query(RUNS, { filter: where }).toPromise(),
    ])
    // An earlier filter's answers may come last.
    if (number !== latest.current) return
    const error = statistics.error ?? runs.error
    setState((before) => ({
      statistics: statistics.data?.executionStatistics ?? before.statistics,
      runs: runs.data?.executions.nodes ?? before.runs,
      error: error === undefined ? null : explain(error),
    }))
  }, [client, filter, timeZone])

  useEffect(() => {
    void read()
    const timer = window.setInterval(() => {
      if (document.visibilityState === 'visible') void read()
    }, REFRESH_MS)
    return () => window.clearInterval(timer)
  }, [read])

  return { ...state, read }
}
