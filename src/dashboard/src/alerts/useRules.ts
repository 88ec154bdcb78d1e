import { useCallback, useEffect, useState } from 'react'
import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import { CREATE_RULE, DELETE_RULE, RULES, UPDATE_RULE, type AlertRule } from './operations.ts'

interface State {
  /** Null until the first page is there. */
  rules: readonly AlertRule[] | null
  viewer: ResultOf<typeof RULES>['viewer'] | null
  /** Where the next page begins; null on the last one. */
  next: string | null
  error: string | null
}

/** The rules that the caller may list, and what changes them. What changes one throws an Error for people. */
export function useRules() {
  const client = useClient()
  const [state, setState] = useState<State>({ rules: null, viewer: null, next: null, error: null })

  const read = useCallback(
    async (after: string | null = null): Promise<void> => {
      const { data, error } = await client.query(RULES, { after }).toPromise()
      if (!data) {
        setState((before) => ({ ...before, error: explain(error) }))
        return
      }
      const { nodes, pageInfo } = data.alertRules
      setState(({ rules }) => ({
        rules: after === null ? nodes : [...(rules ?? []), ...nodes],
        viewer: data.viewer,
        next: pageInfo.hasNextPage ? pageInfo.endCursor : null,
        error: null,
      }))
    },
    [client],
  )

  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the state changes when the response is there
    void read()
  }, [read])

  async function create(input: VariablesOf<typeof CREATE_RULE>['input']): Promise<void> {
    const { data, error } = await client.mutation(CREATE_RULE, { input }).toPromise()
    if (!data) throw new Error(explain(error))
    const { alertRule } = data.createAlertRule
    setState((before) => ({ ...before, rules: [alertRule, ...(before.rules ?? [])] }))
  }

  async function update(id: string, input: VariablesOf<typeof UPDATE_RULE>['input']): Promise<void> {
    const { data, error } = await client.mutation(UPDATE_RULE, { id, input }).toPromise()
    if (!data) throw new Error(explain(error))
    const { alertRule } = data.updateAlertRule
    setState((before) => ({
      ...before,
      rules: before.rules?.map((each) => (each.id === id ? alertRule : each)) ?? null,
    }))
  }

  async function remove(id: string): Promise<void> {
    const { data, error } = await client.mutation(DELETE_RULE, { id }).toPromise()
    if (!data) throw new Error(explain(error))
    setState((before) => ({ ...before, rules: before.rules?.filter((each) => each.id !== id) ?? null }))
  }

  return { ...state, read, create, update, remove }
}
