import { useState } from 'react'
import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import { Fact } from '../components/Fact.tsx'
import styles from '../components/records.module.css'
import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { EVERYTHING } from '../model/filter.ts'
import { readFilterInput } from '../model/filterInput.ts'
import { printFilter } from '../model/filterText.ts'
import { listPath } from '../model/paths.ts'
import type { Webhook } from './operations.ts'

/** What may be done with a webhook. What changes it throws an Error with a message for people. */
export interface WebhookActions {
  onEdit: () => void
  onRotate: () => void
  onRemove: () => void
  onShowDeliveries: () => void
  onEnable: (enabled: boolean) => Promise<void>
}

interface WebhookItemProps {
  webhook: Webhook
  /** Whether it is the viewer's own: others are paused and deleted alone. */
  isOwn: boolean
  actions: WebhookActions
}

/** A webhook in the list, with what may be done with it. */
export function WebhookItem({ webhook, isOwn, actions }: WebhookItemProps) {
  const [problem, setProblem] = useState<string | null>(null)
  const words = messages.webhooks
  const isEnabled = webhook.state === 'ENABLED'

  async function enable(enabled: boolean): Promise<void> {
    try {
      await actions.onEnable(enabled)
      setProblem(null)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <li className={styles.record} data-state={webhook.state.toLowerCase()}>
      <div className={styles.what}>
        <h2>
          {webhook.name} <span className={styles.state}>{words.states[webhook.state]}</span>
        </h2>
        <code className={styles.prefix}>{webhook.url}</code>
      </div>
      <dl className={styles.facts}>
        <Fact name={words.facts.sends}>{webhook.on.map((each) => words.kindNames[each].split(':')[0]).join(', ')}</Fact>
        {isOwn ? <Fact name={words.facts.filter}>{<FilterLink filter={webhook.filter} />}</Fact> : null}
        {!isOwn && <Fact name={words.facts.owner}>{webhook.userId}</Fact>}
        <Fact name={words.facts.changed}>
          <Timestamp at={webhook.updatedAt} />
        </Fact>
        {webhook.stateReason !== null && <Fact name={words.facts.reason}>{webhook.stateReason}</Fact>}
      </dl>
      <div className={styles.buttons}>
        {isOwn && (
          <>
            <Button onClick={actions.onShowDeliveries} aria-label={words.deliveriesOf(webhook.name)}>
              {words.deliveries}
            </Button>
            <Button onClick={actions.onEdit} aria-label={words.editNamed(webhook.name)}>
              {words.edit}
            </Button>
            <Button onClick={actions.onRotate} aria-label={`${words.rotate}: ${webhook.name}`}>
              {words.rotate}
            </Button>
          </>
        )}
        {isEnabled && (
          <Button onClick={() => void enable(false)} aria-label={`${words.pause}: ${webhook.name}`}>
            {words.pause}
          </Button>
        )}
        {!isEnabled && isOwn && (
          <Button onClick={() => void enable(true)} aria-label={`${words.enable}: ${webhook.name}`}>
            {words.enable}
          </Button>
        )}
        <Button onClick={actions.onRemove} aria-label={`${words.remove}: ${webhook.name}`}>
          {words.remove}
        </Button>
      </div>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
    </li>
  )
}

function FilterLink({ filter }: { filter: unknown }) {
  const read = readFilterInput(filter)
  if (read === null) return <code>{JSON.stringify(filter)}</code>
  if (read === EVERYTHING) return messages.webhooks.everything
  const text = printFilter(read)
  return (
    <Link href={listPath(new URLSearchParams({ filter: text }).toString())}>
      <code>{text}</code>
    </Link>
  )
}
