import { useQuery } from 'urql'
import { PAYLOADS, SCOPES } from './operations.ts'

const SCOPE = 'executions:payload'

/** Inputs and results of an execution and its steps; `mayRead` is false for a caller without the scope. */
export function usePayloads(executionId: string) {
  const [scopes] = useQuery({ query: SCOPES, variables: {} })
  const mayRead = scopes.data?.viewer.scopes.includes(SCOPE) ?? null
  const [payloads] = useQuery({ query: PAYLOADS, variables: { executionId }, pause: mayRead !== true })
  return { mayRead, execution: payloads.data?.execution ?? null }
}
