import { useEffect } from 'react'
import { Notice } from '../components/Notice.tsx'
import { codeOf, explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { JsonView } from './JsonView.tsx'
import { PAYLOADS } from './operations.ts'
import styles from './Payloads.module.css'
import { useExactQuery } from './useExactQuery.ts'

/** The input and result of an execution. */
export function Payloads({ executionId, updatedAt }: { executionId: string; updatedAt: string }) {
  const [{ data, error }, read] = useExactQuery({ query: PAYLOADS, variables: { id: executionId } })
  useEffect(() => read(), [read, updatedAt])
  if (error !== undefined && codeOf(error) === 'FORBIDDEN') return <NeedsScope />
  if (error !== undefined) {
    return (
      <Notice kind="error" title={messages.detail.data.failed}>
        {explain(error)}
      </Notice>
    )
  }
  if (data === undefined) return <Notice kind="loading" title={messages.detail.loading} />
  return (
    <div className={styles.payloads}>
      <section>
        <h2>{messages.detail.data.input}</h2>
        <JsonView name={messages.detail.data.input} value={data.execution?.inputParameters ?? null} />
      </section>
      <section>
        <h2>{messages.detail.data.result}</h2>
        <JsonView name={messages.detail.data.result} value={data.execution?.finalResult ?? null} />
      </section>
    </div>
  )
}

/** Says which scope the token lacks for inputs and results. */
export function NeedsScope() {
  return (
    <Notice kind="empty" title={messages.detail.data.denied}>
      {messages.detail.data.scope('executions:payload')}
    </Notice>
  )
}
