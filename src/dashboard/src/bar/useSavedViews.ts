import { useCallback, useEffect, useState } from 'react'
import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import { DELETE_VIEW, SAVE_VIEW, SAVED_VIEWS, type SavedView } from './savedViewOperations.ts'

interface State {
  /** Null until they are there. */
  views: readonly SavedView[] | null
  viewer: ResultOf<typeof SAVED_VIEWS>['viewer'] | null
  error: string | null
}

interface SavedViews extends State {
  /** Saves a view, in place of the viewer's own one of that name; throws an Error with a message for people. */
  save: (input: Omit<VariablesOf<typeof SAVE_VIEW>['input'], 'id'>) => Promise<void>
  /** Deletes a view; throws an Error with a message for people. */
  remove: (id: string) => Promise<void>
}

/** The views that are kept on the server, by name, and what changes them. */
export function useSavedViews(): SavedViews {
  const client = useClient()
  const [state, setState] = useState<State>({ views: null, viewer: null, error: null })

  const read = useCallback(async (): Promise<void> => {
    const { data, error } = await client.query(SAVED_VIEWS, {}).toPromise()
    setState((before) =>
      data ? { views: data.savedViews, viewer: data.viewer, error: null } : { ...before, error: explain(error) },
    )
  }, [client])

  useEffect(() => {
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the state changes when the response is there
    void read()
  }, [read])

  return {
    ...state,
    async save(input) {
      const own = state.views?.find((each) => each.name === input.name && each.userId === state.viewer?.userId)
      const { data, error } = await client.mutation(SAVE_VIEW, { input: { ...input, id: own?.id ?? null } }).toPromise()
      if (!data) throw new Error(explain(error))
      await read()
    },
    async remove(id) {
      const { data, error } = await client.mutation(DELETE_VIEW, { id }).toPromise()
      if (!data) throw new Error(explain(error))
      await read()
    },
  }
}
