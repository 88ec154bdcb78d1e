import { useMemo } from 'react'
// The router's own hook decodes `%25` before the query is split.
import { useSearch } from 'wouter/use-browser-location'
import { EVERYTHING } from '../model/filter.ts'
import { workflowPath } from '../model/paths.ts'
import { parseScope, printScope } from '../model/scope.ts'

/** A function that gives the page of a workflow, with all its executions in the range of time of this page. */
export function useWorkflowPath(): (workflowName: string) => string {
  const search = useSearch()
  return useMemo(() => {
    const query = printScope({ ...parseScope(search).scope, filter: EVERYTHING })
    return (workflowName) => workflowPath(workflowName, query)
  }, [search])
}
