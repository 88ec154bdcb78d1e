import { useLocation } from 'wouter'
import { executionPath } from '../model/paths.ts'
import type { Connection } from './connection.ts'
import { useConnection } from './ConnectionContext.ts'

/** A list of executions that pages of executions are opened from. */
export interface List {
  /** Selects the row `by` rows below that of an execution, and returns its id; null where there is none. */
  walk(executionId: string, by: number): string | null
}

const lists = new WeakMap<Connection, List>()

/** Remembers that pages of executions are opened from `list` now. */
export function rememberList(connection: Connection, list: List): void {
  lists.set(connection, list)
}

/**
 * A function that opens the execution some rows below `executionId` in the list that its page was opened from.
 *
 * It returns false where that list does not have `executionId`; beyond the ends of the list it does nothing. `query` is that of
 * the page that it opens. Back leads to the list, at the row of the execution that was opened last.
 */
export function useWalk(executionId: string): (by: number, query?: string) => boolean {
  const connection = useConnection()
  const [, navigate] = useLocation()
  return (by, query = '') => {
    const list = lists.get(connection)
    if (list === undefined) return false
    // Without a step, it tells whether the list has the execution.
    if (list.walk(executionId, 0) === null) return false
    const next = list.walk(executionId, by)
    if (next !== null) navigate(executionPath(next, query), { replace: true })
    return true
  }
}
