import { useEffect, useState } from 'react'
import { useClient } from 'urql'
import type { ResultOf } from '../graphql/graphql.ts'
import { EXECUTION } from './operations.ts'

// Milliseconds without a key after which the server is searched.
const PAUSE = 150

type Execution = NonNullable<ResultOf<typeof EXECUTION>['execution']>

/** The execution whose id `text` is, once it has not changed for a moment; null where there is none. */
export function useExecution(text: string): Execution | null {
  const client = useClient()
  const [execution, setExecution] = useState<Execution | null>(null)

  useEffect(() => {
    if (text === '') return
    let isLatest = true
    const timer = window.setTimeout(() => {
      void client
        .query(EXECUTION, { id: text })
        .toPromise()
        .then(({ data }) => {
          if (isLatest) setExecution(data?.execution ?? null)
        })
    }, PAUSE)
    return () => {
      isLatest = false
      window.clearTimeout(timer)
    }
  }, [client, text])

  // That of the text before may still be there.
  return execution?.executionId === text ? execution : null
}
