import { useEffect, useState } from 'react'
import { useClient } from 'urql'
import { countStopped } from '../model/stopped.ts'
import { STOPPED } from './operations.ts'

// They stop after days, and each look is an event of the audit trail.
const AGAIN_MS = 900_000

/** How many of the caller's rules and webhooks work no more; without a scope for them, none. */
export function useStopped(scopes: readonly string[]): { rules: number; webhooks: number } {
  const client = useClient()
  const [stopped, setStopped] = useState({ rules: 0, webhooks: 0 })
  const [readsRules, webhooks] = [scopes.includes('executions:read'), scopes.includes('webhooks:write')]

  useEffect(() => {
    if (!readsRules) return
    async function read(): Promise<void> {
      const { data } = await client.query(STOPPED, { webhooks }).toPromise()
      if (!data) return
      const { userId } = data.viewer
      setStopped({
        rules: countStopped(data.alertRules.nodes, userId),
        webhooks: countStopped(data.webhooks?.nodes ?? [], userId),
      })
    }
    void read()
    const timer = setInterval(() => void read(), AGAIN_MS)
    return () => clearInterval(timer)
  }, [client, readsRules, webhooks])

  return stopped
}
