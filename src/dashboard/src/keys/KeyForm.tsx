import { useId, useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import type { VariablesOf } from '../graphql/graphql.ts'
import { expiryAfter, KEY_SCOPES, LIFETIMES, scopesForKeys, type Lifetime } from '../model/accessKeys.ts'
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
  const offered = scopesForKeys(viewer.scopes)
  const [name, setName] = useState('')
  const [userId, setUserId] = useState(viewer.userId)
  const [scopes, setScopes] = useState(offered.slice(0, 1))
  const [days, setDays] = useState<Lifetime>(90)
  const [problem, setProblem] = useState<string | null>(null)
  const [isSending, setSending] = useState(false)
  const id = useId()
  const mayActForOthers = viewer.scopes.includes('executions:read:tenant')

  async function send(): Promise<void> {
    setSending(true)
    setProblem(null)
    try {
      await onCreate({ name, userId, scopes, expiresAt: expiryAfter(days, Date.now()) })
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setSending(false)
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (scopes.length === 0) setProblem('Choose at least one thing that the key allows.')
    else void send()
  }

  return (
    <form className={styles.card} onSubmit={submit} aria-labelledby={id}>
      <h2 id={id}>New key</h2>
      <div className={styles.fields}>
        <label className={form.label}>
          Name
          <input
            className={form.input}
            value={name}
            required
            autoFocus
            maxLength={100}
            autoComplete="off"
            placeholder="dbt nightly"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        {mayActForOthers && (
          <label className={form.label}>
            User
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
          Expires
          <select
            className={form.input}
            value={days}
            onChange={(event) => setDays(LIFETIMES.find((each) => String(each) === event.target.value) ?? 90)}
          >
            {LIFETIMES.map((each) => (
              <option key={each} value={each}>
                in {each} days
              </option>
            ))}
          </select>
        </label>
      </div>
      <fieldset className={styles.scopes}>
        <legend>The key allows to</legend>
        {offered.map((scope) => (
          <label key={scope} className={styles.scope}>
            <input
              type="checkbox"
              checked={scopes.includes(scope)}
              onChange={(event) =>
                setScopes(event.target.checked ? [...scopes, scope] : scopes.filter((each) => each !== scope))
              }
            />
            {KEY_SCOPES[scope]} <code>{scope}</code>
          </label>
        ))}
        {offered.length === 0 && <p>You may do nothing yourself that a key could do.</p>}
      </fieldset>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <Button kind="primary" type="submit" disabled={isSending}>
          Make the key
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  )
}
