import { useState } from 'react'
import { useClient, useQuery } from 'urql'
import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import styles from '../components/records.module.css'
import { explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { executionPath } from '../model/paths.ts'
import { EXAMPLE, printRecipe, RECIPES } from '../model/recipes.ts'
import page from './ConnectPage.module.css'
import { MAKE_KEY, MAKER } from './operations.ts'
import { useFirstEvent } from './useFirstEvent.ts'

/** How to have an engine report here: the settings of each client with the own address and a key, until it reports. */
export function Connect() {
  const client = useClient()
  const [{ data, error }] = useQuery({ query: MAKER })
  const [chosen, setChosen] = useState(RECIPES[0])
  const [key, setKey] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [isCopied, setCopied] = useState(false)
  const event = useFirstEvent(data?.viewer.userId ?? null)
  const words = messages.connect
  if (chosen === undefined) return null
  const mayMakeKeys = ['keys:write', 'executions:write'].every((scope) => data?.viewer.scopes.includes(scope))
  const text = printRecipe(chosen, window.location.origin, key ?? EXAMPLE.key)

  async function makeKey(name: string): Promise<void> {
    const made = await client.mutation(MAKE_KEY, { name }).toPromise()
    if (!made.data) setProblem(explain(made.error))
    else {
      setKey(made.data.createAccessKey.key)
      setProblem(null)
    }
  }

  return (
    <>
      {error !== undefined && (
        <p className={styles.problem} role="alert">
          {explain(error)}
        </p>
      )}
      <fieldset className={page.clients}>
        <legend>{words.client}</legend>
        {RECIPES.map((recipe) => (
          <label key={recipe.id} className={page.client}>
            <input
              type="radio"
              name="client"
              checked={recipe === chosen}
              onChange={() => {
                setChosen(recipe)
                setCopied(false)
              }}
            />
            {recipe.title}
          </label>
        ))}
      </fieldset>
      <section className={styles.card} aria-label={words.settingsOf(chosen.title)}>
        <h2>{words.places[chosen.place]}</h2>
        <pre className={page.code} tabIndex={0}>
          {text}
        </pre>
        <div className={styles.buttons}>
          {mayMakeKeys && key === null && (
            <Button kind="primary" onClick={() => void makeKey(chosen.id)}>
              {words.makeKey}
            </Button>
          )}
          {/* Browsers offer the clipboard to pages from HTTPS or from the own machine alone. */}
          {window.isSecureContext && (
            <Button
              onClick={() => {
                void navigator.clipboard.writeText(text).then(() => setCopied(true))
              }}
            >
              {isCopied ? messages.components.copied : words.copy}
            </Button>
          )}
        </div>
        {problem !== null && (
          <p className={styles.problem} role="alert">
            {problem}
          </p>
        )}
        <p className={styles.faint}>
          {key !== null ? words.keyMade : mayMakeKeys ? words.keyNeeded : words.mayMakeNoKey}
        </p>
      </section>
      <p className={page.waiting} role="status" data-has-come={event !== null}>
        {event === null ? (
          words.waiting
        ) : (
          <>
            {words.hasCome}{' '}
            <Link className={form.label} href={executionPath(event.executionId ?? '')}>
              {event.execution?.workflowName ?? event.executionId}
            </Link>
          </>
        )}
      </p>
    </>
  )
}
