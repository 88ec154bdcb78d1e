import { useCallback, useEffect, useRef, useState } from 'react'
import { useClient } from 'urql'
import { useZone } from '../components/ZoneContext.ts'
import { explain } from '../graphql/client.ts'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import type { Filter } from '../model/filter.ts'
import { toFilterInput } from '../model/filterInput.ts'
import { ANNOTATE, FAILURES } from './operations.ts'

type Read = ResultOf<typeof FAILURES>
/** What to change of a group; null removes. */
export type Changes = VariablesOf<typeof ANNOTATE>['input']

interface State {
  /** Null until the first answer is there; of the filter before while another is read. */
  found: Read | null
  error: string | null
}

interface Failures extends State {
  read: () => Promise<void>
  /** Annotates a group; throws an Error with a message for people. */
  annotate: (id: string, input: Changes) => Promise<void>
}

// Groups are read from executions, which takes some time on the server.
const REFRESH_MS = 60_000
const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The error groups of the executions that match `filter`, read again every minute while the page is seen. */
export function useFailures(filter: Filter): Failures {
  const client = useClient()
  const timeZone = useZone() ?? LOCAL_ZONE
  const [state, setState] = useState<State>({ found: null, error: null })

  const latest = useRef(0)

  const read = useCallback(async (): Promise<void> => {
    const variables = { filter: toFilterInput(filter, Date.now()), timeZone }
    const request = ++latest.current
    const { data, error } = await client.query(FAILURES, variables).toPromise()
    // An earlier filter's answer may come last.
    if (request !== latest.current) return
    setState((before) => (data ? { found: data, error: null } : { ...before, error: explain(error) }))
  }, [client, filter, timeZone])

  useEffect(() => {
    void read()
    const timer = window.setInterval(() => {
      if (document.visibilityState === 'visible') void read()
    }, REFRESH_MS)
    return () => window.clearInterval(timer)
  }, [read])

  async function annotate(id: string, input: Changes): Promise<void> {
    const { data, error } = await client.mutation(ANNOTATE, { id, input }).toPromise()
    if (!data) throw new Error(explain(error))
    const { annotation } = data.annotateErrorGroup
    const isEmpty = annotation.note === null && annotation.assignee === null && annotation.mutedUntil === null
    setState(({ found, error: earlier }) => ({
      error: earlier,
      found: found && {
        ...found,
        executionStatistics: {
          ...found.executionStatistics,
          errorGroups: found.executionStatistics.errorGroups.map((each) =>
            each.id === id ? { ...each, annotation: isEmpty ? null : annotation } : each,
          ),
        },
      },
    }))
  }

  return { ...state, read, annotate }
}
