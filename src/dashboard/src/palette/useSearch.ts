import { useEffect, useState } from 'react'
import { useClient } from 'urql'
import type { ResultOf } from '../graphql/graphql.ts'
import { EXECUTION, WORKFLOWS } from './operations.ts'

// Milliseconds without a key after which the server is searched.
const PAUSE = 150
// As many as are read at once: where there are no more, all are known.
const MOST_WORKFLOWS = 100

type Execution = NonNullable<ResultOf<typeof EXECUTION>['execution']>

/** What the server has for a text. */
export interface Found {
  /** The names of the workflows that executed most, and of those that contain the text. */
  workflows: readonly string[]
  /** The execution whose id the text is; null where there is none. */
  execution: Execution | null
}

/** Searches the server for `text`, when it has not changed for a moment. */
export function useSearch(text: string): Found {
  const client = useClient()
  const [usual, setUsual] = useState<readonly string[]>([])
  const [others, setOthers] = useState<readonly string[]>([])
  const [execution, setExecution] = useState<Execution | null>(null)

  useEffect(() => {
    void client
      .query(WORKFLOWS, {})
      .toPromise()
      .then(({ data }) => setUsual(namesOf(data)))
  }, [client])

  const hasMore = usual.length === MOST_WORKFLOWS
  useEffect(() => {
    let isLatest = true
    const timer = window.setTimeout(() => {
      if (text === '') return
      void client
        .query(EXECUTION, { id: text })
        .toPromise()
        .then(({ data }) => {
          if (isLatest) setExecution(data?.execution ?? null)
        })
      if (!hasMore) return
      void client
        .query(WORKFLOWS, { filter: { workflowName: { contains: text } } })
        .toPromise()
        .then(({ data }) => {
          if (isLatest) setOthers(namesOf(data))
        })
    }, PAUSE)
    return () => {
      isLatest = false
      window.clearTimeout(timer)
    }
  }, [client, text, hasMore])

  return {
    workflows: [...new Set([...usual, ...others])],
    // That of the text before may still be there.
    execution: execution?.executionId === text ? execution : null,
  }
}

function namesOf(data: ResultOf<typeof WORKFLOWS> | undefined): string[] {
  return (data?.executionStatistics.groups ?? []).flatMap(({ value }) => (value === null ? [] : [value]))
}
