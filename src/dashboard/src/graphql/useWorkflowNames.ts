import { useEffect, useState } from 'react'
import { useClient } from 'urql'
import { graphql, type ResultOf } from './graphql.ts'

// Milliseconds without a key after which the server is searched.
const PAUSE = 150
// As many as are read at once: where there are no more, all are known.
const MOST = 100

/** The workflows of the last 30 days, those with most executions first. */
const WORKFLOWS = graphql(`
  query WorkflowNames($filter: ExecutionFilter) {
    executionStatistics(filter: $filter, allowSampling: true) {
      groups(by: WORKFLOW_NAME, first: 100) {
        value
      }
    }
  }
`)

/**
 * The names of the workflows that executed most, and of those that contain `text` once it has not changed for a moment.
 *
 * They are read from the server as soon as they are needed.
 */
export function useWorkflowNames(text: string, isNeeded = true): readonly string[] {
  const client = useClient()
  const [usual, setUsual] = useState<readonly string[]>([])
  const [others, setOthers] = useState<readonly string[]>([])

  useEffect(() => {
    if (!isNeeded) return
    void client
      .query(WORKFLOWS, {})
      .toPromise()
      .then(({ data }) => setUsual(namesOf(data)))
  }, [client, isNeeded])

  const hasMore = usual.length === MOST
  useEffect(() => {
    if (text === '' || !hasMore) return
    let isLatest = true
    const timer = window.setTimeout(() => {
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

  return [...new Set([...usual, ...others])]
}

function namesOf(data: ResultOf<typeof WORKFLOWS> | undefined): string[] {
  return (data?.executionStatistics.groups ?? []).flatMap(({ value }) => (value === null ? [] : [value]))
}
