import { useMemo } from 'react'
import { useQuery, type AnyVariables, type UseQueryArgs, type UseQueryState } from 'urql'
import { markIntegers, restoreIntegers } from '../model/exactJson.ts'

const EXACT = {
  fetch: async (...request: Parameters<typeof fetch>) => {
    const response = await fetch(...request)
    return new Response(markIntegers(await response.text()), response)
  },
}

/** As `useQuery`, with bigints for integers that numbers cannot hold. */
export function useExactQuery<Data, Variables extends AnyVariables>(
  request: UseQueryArgs<Variables, Data>,
): [UseQueryState<Data, Variables>, () => void] {
  const [state, read] = useQuery<Data, Variables>({ ...request, context: EXACT })
  const data = useMemo(() => restoreIntegers(state.data) as Data | undefined, [state.data])
  return [data === undefined ? state : { ...state, data }, read]
}
