import { createContext, useContext } from 'react'
import type { Connection } from './connection.ts'

/** The live connection of the session; null while signed out. */
export const ConnectionContext = createContext<Connection | null>(null)

/** The live connection of the session; for pages that are shown to signed-in users alone. */
export function useConnection(): Connection {
  const connection = useContext(ConnectionContext)
  // eslint-disable-next-line no-restricted-syntax -- for developers
  if (connection === null) throw new Error('There is no live connection while signed out.')
  return connection
}
