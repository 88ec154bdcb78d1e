import { useId, useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import { FilterField } from '../components/FilterField.tsx'
import form from '../components/form.module.css'
import styles from '../components/records.module.css'
import type { SchemaType } from '../graphql/schemaTypes.ts'
import { messages } from '../messages/messages.ts'
import { EVERYTHING, type Filter } from '../model/filter.ts'
import { readFilterInput, toFilterInput } from '../model/filterInput.ts'
import type { Webhook } from './operations.ts'

type Kind = SchemaType<'WebhookEventKind'>

/** What the form gives: everything that a webhook is made with. */
export interface WebhookInput {
  name: string
  url: string
  filter: SchemaType<'ExecutionFilter'> | null
  on: Kind[]
  includePayloads: boolean
}

interface WebhookFormProps {
  /** The webhook to change; null for a new one. */
  webhook: Webhook | null
  maySendPayloads: boolean
  /** Saves it; throws an Error with a message for people. */
  onSave: (input: WebhookInput) => Promise<void>
  onCancel: () => void
}

const KINDS: readonly Kind[] = ['ENTERED', 'UPDATED', 'LEFT', 'DELETED']

/** A form to make or change a webhook. */
export function WebhookForm({ webhook, maySendPayloads, onSave, onCancel }: WebhookFormProps) {
  const [name, setName] = useState(webhook?.name ?? '')
  const [url, setUrl] = useState(webhook?.url ?? '')
  const known = readFilterInput(webhook?.filter)
  const [filter, setFilter] = useState<Filter | null>(known ?? EVERYTHING)
  const [kinds, setKinds] = useState<readonly Kind[]>(webhook?.on ?? ['ENTERED', 'UPDATED'])
  const [includePayloads, setIncludePayloads] = useState(webhook?.includePayloads ?? false)
  const [problem, setProblem] = useState<string | null>(null)
  const [isSending, setSending] = useState(false)
  const id = useId()
  const words = messages.webhooks

  async function send(where: Filter): Promise<void> {
    setSending(true)
    setProblem(null)
    try {
      const input = where === EVERYTHING ? null : toFilterInput(where, Date.now())
      await onSave({ name, url, filter: input, on: KINDS.filter((each) => kinds.includes(each)), includePayloads })
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setSending(false)
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (kinds.length === 0) setProblem(words.kindMissing)
    else if (filter !== null) void send(filter)
  }

  return (
    <form className={styles.card} onSubmit={submit} aria-labelledby={id}>
      <h2 id={id}>{webhook === null ? words.create : words.editNamed(webhook.name)}</h2>
      <div className={styles.fields}>
        <label className={form.label}>
          {words.name}
          <input
            className={form.input}
            value={name}
            required
            autoFocus
            maxLength={100}
            autoComplete="off"
            placeholder={words.namePlaceholder}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <div>
          <label className={form.label}>
            {words.url}
            <input
              className={form.input}
              type="url"
              value={url}
              required
              autoComplete="off"
              placeholder="https://hooks.example.com/executions"
              aria-describedby={`${id}-url`}
              onChange={(event) => setUrl(event.target.value)}
            />
          </label>
          <span id={`${id}-url`} className={styles.hint}>
            {words.urlHint}
          </span>
        </div>
      </div>
      <FilterField label={words.filter} filter={known ?? EVERYTHING} onChange={setFilter} />
      <fieldset className={styles.scopes}>
        <legend>{words.kinds}</legend>
        {KINDS.map((kind) => (
          <label key={kind} className={styles.scope}>
            <input
              type="checkbox"
              checked={kinds.includes(kind)}
              onChange={(event) =>
                setKinds(event.target.checked ? [...kinds, kind] : kinds.filter((each) => each !== kind))
              }
            />
            {words.kindNames[kind]}
          </label>
        ))}
        {maySendPayloads && (
          <label className={styles.scope}>
            <input
              type="checkbox"
              checked={includePayloads}
              onChange={(event) => setIncludePayloads(event.target.checked)}
            />
            {words.payloads}
          </label>
        )}
      </fieldset>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <Button kind="primary" type="submit" disabled={isSending}>
          {webhook === null ? words.make : messages.components.save}
        </Button>
        <Button onClick={onCancel}>{messages.components.cancel}</Button>
      </div>
    </form>
  )
}
