import { useId, useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import type { VariablesOf } from '../graphql/graphql.ts'
import { messages } from '../messages/messages.ts'
import { expiryAfter, LIFETIMES, scopesForKeys, type KeyScope, type Lifetime } from '../model/accessKeys.ts'
import styles from '../components/records.module.css'
import type { CREATE_KEY } from './operations.ts'

interface KeyFormProps {
  viewer: { userId: string; scopes: readonly string[] }
  /** Makes the key; throws an Error with a message for people. */
  onCreate: (input: VariablesOf<typeof CREATE_KEY>['input']) => Promise<void>
  onCancel: () => void
}

/** A form to make an access key. */
export function KeyForm({ viewer, onCreate, onCancel }: KeyFormProps) {
  const words = messages.keys
  const offered = scopesForKeys(viewer.scopes)
  const [name, setName] = useState('')
  const [userId, setUserId] = useState(viewer.userId)
  const [scopes, setScopes] = useState<readonly KeyScope[]>(offered.slice(0, 1))
  const [days, setDays] = useState<Lifetime>(90)
  const [problem, setProblem] = useState<string | null>(null)
  const [isSending, setSending] = useState(false)
  const id = useId()
  const mayActForOthers = viewer.scopes.includes('executions:read:tenant')

  async function send(): Promise<void> {
    setSending(true)
    setProblem(null)
    try {
      await onCreate({ name, userId, scopes: [...scopes], expiresAt: expiryAfter(days, Date.now()) })
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setSending(false)
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (scopes.length === 0) setProblem(words.chooseScope)
    else void send()
  }

  return (
    <form className={styles.card} onSubmit={submit} aria-labelledby={id}>
      <h2 id={id}>{words.new}</h2>
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
        {mayActForOthers && (
          <label className={form.label}>
            {words.user}
            <input
              className={form.input}
              value={userId}
              required
              autoComplete="off"
              onChange={(event) => setUserId(event.target.value)}
            />
          </label>
        )}
        <label className={form.label}>
          {words.expires}
          <select
            className={form.input}
            value={days}
            onChange={(event) => setDays(LIFETIMES.find((each) => String(each) === event.target.value) ?? 90)}
          >
            {LIFETIMES.map((each) => (
              <option key={each} value={each}>
                {words.inDays(each)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <fieldset className={styles.scopes}>
        <legend>{words.allowsTo}</legend>
        {offered.map((scope) => (
          <label key={scope} className={styles.scope}>
            <input
              type="checkbox"
              checked={scopes.includes(scope)}
              onChange={(event) =>
                setScopes(event.target.checked ? [...scopes, scope] : scopes.filter((each) => each !== scope))
              }
            />
            {words.scopes[scope]} <code>{scope}</code>
          </label>
        ))}
        {offered.length === 0 && <p>{words.noScopes}</p>}
      </fieldset>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <Button kind="primary" type="submit" disabled={isSending}>
          {words.make}
        </Button>
        <Button onClick={onCancel}>{messages.components.cancel}</Button>
      </div>
    </form>
  )
}
