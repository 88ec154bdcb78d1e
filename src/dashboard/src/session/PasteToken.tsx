import { useState, type SyntheticEvent } from 'react'
import { readClaims } from '../model/token.ts'
import { Button } from '../components/Button.tsx'
import { signIn } from './session.ts'
import styles from './SignIn.module.css'

/** Signs in with a token that somebody has got elsewhere. */
export function PasteToken() {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<string | null>(null)

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    const claims = readClaims(token)
    if (claims === null) setProblem('That is no token: a token is three parts with dots between.')
    else if (claims.expiresAt !== null && claims.expiresAt < Date.now()) setProblem('That token has expired.')
    else signIn(token)
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      <label htmlFor="token">Token</label>
      <textarea
        id="token"
        rows={4}
        value={token}
        placeholder="eyJhbGciOi…"
        spellCheck={false}
        autoComplete="off"
        aria-describedby="token-problem"
        aria-invalid={problem !== null}
        onChange={(event) => setToken(event.target.value.replace(/^\s*bearer\s+/i, ''))}
      />
      <p id="token-problem" className={styles.problem} role="alert">
        {problem}
      </p>
      <Button kind="primary" type="submit">
        Sign in
      </Button>
      <p className={styles.hint}>
        <code>execution-monitor token --user ada</code> prints one.
      </p>
    </form>
  )
}
