import { createContext, useContext } from 'react'
import type { Connection } from './connection.ts'

/** What the session follows its subscriptions through. */
export const ConnectionContext = createContext<Connection | null>(null)

/** The connection of the session; only pages of somebody who is signed in have one. */
export function useConnection(): Connection {
  const connection = useContext(ConnectionContext)
  if (connection === null) throw new Error('Nobody is signed in.')
  return connection
}
