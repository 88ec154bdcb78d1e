import { useEffect, useState } from 'react'
import { useClient } from 'urql'
import { explain } from '../graphql/client.ts'
import type { PreviewedAlert } from '../model/rulePreview.ts'
import { PREVIEW_DAYS } from '../model/rulePreview.ts'
import { toPreviewInput, type RuleForm } from '../model/ruleForm.ts'
import { PREVIEW } from './operations.ts'

// Milliseconds. A preview reads many executions: it waits until nothing is typed any more.
const DELAY = 600

interface Found {
  /** What was previewed. */
  key: string
  /** Null where it could not be read: then there is an error. */
  alerts: readonly PreviewedAlert[] | null
  error: string | null
}

/** The alerts that `rule` would have had, as it is typed; both are null until they are read. */
export function useRulePreview(rule: RuleForm): { alerts: readonly PreviewedAlert[] | null; error: string | null } {
  const client = useClient()
  const [found, setFound] = useState<Found | null>(null)
  // Neither its name nor where its alerts are sent to change what it fires on.
  const key = JSON.stringify({ ...rule, name: '', repeatMinutes: '', channels: [] })

  useEffect(() => {
    let isCurrent = true
    async function read(): Promise<void> {
      const variables = { input: toPreviewInput(rule, Date.now()), days: PREVIEW_DAYS }
      const { data, error } = await client.query(PREVIEW, variables).toPromise()
      if (!isCurrent) return
      setFound({ key, alerts: data?.alertPreview ?? null, error: data ? null : explain(error) })
    }
    const timer = window.setTimeout(() => void read(), DELAY)
    return () => {
      isCurrent = false
      window.clearTimeout(timer)
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key holds what matters of the rule
  }, [client, key])

  return found?.key === key ? found : { alerts: null, error: null }
}
