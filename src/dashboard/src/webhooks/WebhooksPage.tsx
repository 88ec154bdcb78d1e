import { useEffect, useRef, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Confirmation } from '../components/Confirmation.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Notice } from '../components/Notice.tsx'
import styles from '../components/records.module.css'
import { Secret } from '../components/Secret.tsx'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { Deliveries } from './Deliveries.tsx'
import type { Webhook } from './operations.ts'
import { useWebhooks, type WithSecret } from './useWebhooks.ts'
import { WebhookForm, type WebhookInput } from './WebhookForm.tsx'
import { WebhookItem } from './WebhookItem.tsx'

// What is done with one webhook; the list stays below it.
type Doing = { kind: 'create' } | { kind: 'edit' | 'rotate' | 'remove' | 'deliveries'; webhook: Webhook }

/** The page of the webhooks: list, make and change them, and see what they sent and what was answered. */
export default function WebhooksPage() {
  const { webhooks, viewer, next, error, read, create, update, rotate, remove } = useWebhooks()
  const [doing, setDoing] = useState<Doing | null>(null)
  const [made, setMade] = useState<WithSecret | null>(null)
  const words = messages.webhooks
  useTitle(words.pageTitle)

  if (webhooks === null || viewer === null) {
    if (error === null) return <Notice kind="loading" isPage title={messages.components.loading} />
    return (
      <Notice
        kind="error"
        isPage
        title={words.failed}
        action={<Button onClick={() => void read()}>{messages.components.tryAgain}</Button>}
      >
        {error}
      </Notice>
    )
  }

  async function save(input: WebhookInput): Promise<void> {
    if (doing?.kind === 'edit') await update(doing.webhook.id, input)
    else setMade(await create({ ...input, enabled: true }))
    setDoing(null)
  }

  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div>
          <h1>{words.title}</h1>
          <p className={styles.faint}>{words.hint}</p>
        </div>
        {doing === null && made === null && (
          <Button kind="primary" onClick={() => setDoing({ kind: 'create' })}>
            {words.create}
          </Button>
        )}
      </header>
      {error !== null && <ErrorBanner onRetry={() => void read()}>{error}</ErrorBanner>}
      {made !== null && <NewSecret made={made} onDone={() => setMade(null)} />}
      {(doing?.kind === 'create' || doing?.kind === 'edit') && (
        <WebhookForm
          key={doing.kind === 'edit' ? doing.webhook.id : ''}
          webhook={doing.kind === 'edit' ? doing.webhook : null}
          maySendPayloads={viewer.scopes.includes('executions:payload')}
          onSave={save}
          onCancel={() => setDoing(null)}
        />
      )}
      {doing?.kind === 'deliveries' && (
        <Deliveries key={doing.webhook.id} webhook={doing.webhook} onClose={() => setDoing(null)} />
      )}
      {doing?.kind === 'rotate' && (
        <Confirmation
          title={words.rotateTitle(doing.webhook.name)}
          action={words.rotate}
          onConfirm={async () => setMade(await rotate(doing.webhook.id))}
          onClose={() => setDoing(null)}
        >
          {words.rotateHint}
        </Confirmation>
      )}
      {doing?.kind === 'remove' && (
        <Confirmation
          title={words.removeTitle(doing.webhook.name)}
          action={words.removeAction}
          onConfirm={() => remove(doing.webhook.id)}
          onClose={() => setDoing(null)}
        >
          {words.removeHint}
        </Confirmation>
      )}
      {webhooks.length === 0 ? (
        <Notice kind="empty" title={words.none}>
          {words.noneHint}
        </Notice>
      ) : (
        <ul className={styles.list} aria-label={words.title}>
          {webhooks.map((webhook) => (
            <WebhookItem
              key={webhook.id}
              webhook={webhook}
              isOwn={webhook.userId === viewer.userId}
              actions={{
                onEdit: () => setDoing({ kind: 'edit', webhook }),
                onRotate: () => setDoing({ kind: 'rotate', webhook }),
                onRemove: () => setDoing({ kind: 'remove', webhook }),
                onShowDeliveries: () => setDoing({ kind: 'deliveries', webhook }),
                onEnable: (enabled) => update(webhook.id, { enabled }),
              }}
            />
          ))}
        </ul>
      )}
      {next !== null && <Button onClick={() => void read(next)}>{messages.components.showMore}</Button>}
    </div>
  )
}

function NewSecret({ made, onDone }: { made: WithSecret; onDone: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  const words = messages.webhooks
  return (
    <section className={styles.card} aria-label={words.secretTitle}>
      <h2 ref={heading} tabIndex={-1}>
        {words.secretTitle}
      </h2>
      <Secret label={words.secretLabel(made.webhook.name)} value={made.secret} />
      <div className={styles.actions}>
        <Button onClick={onDone}>{messages.components.done}</Button>
      </div>
    </section>
  )
}
