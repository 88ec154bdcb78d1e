import { useState, type SyntheticEvent } from 'react'
import { readClaims } from '../model/token.ts'
import { Button } from '../parts/Button.tsx'
import { signIn } from './session.ts'
import styles from './SignIn.module.css'

/** The page of whoever is not signed in. */
export function SignIn({ notice }: { notice: string | null }) {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<string | null>(null)

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (readClaims(token) === null) setProblem('That is no token: a token is three parts with dots between.')
    else signIn(token)
  }

  return (
    <main className={styles.page}>
      <section className={styles.card} aria-labelledby="sign-in">
        <h1 id="sign-in">Sign in to Execution Monitor</h1>
        {notice !== null && (
          <p className={styles.notice} role="status">
            {notice}
          </p>
        )}
        <form onSubmit={submit}>
          <label htmlFor="token">Token</label>
          <textarea
            id="token"
            rows={4}
            value={token}
            spellCheck={false}
            autoComplete="off"
            aria-describedby="token-problem"
            aria-invalid={problem !== null}
            onChange={(event) => setToken(event.target.value)}
          />
          <p id="token-problem" className={styles.problem} role="alert">
            {problem}
          </p>
          <Button kind="primary" type="submit">
            Sign in
          </Button>
        </form>
      </section>
    </main>
  )
}
