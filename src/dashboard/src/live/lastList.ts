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
 * Where there is none, it does nothing. Back leads to the list, at the row of the execution that was opened last.
 */
export function useWalk(executionId: string): (by: number) => void {
  const connection = useConnection()
  const [, navigate] = useLocation()
  return (by) => {
    const next = lists.get(connection)?.walk(executionId, by) ?? null
    if (next !== null) navigate(executionPath(next), { replace: true })
  }
}
