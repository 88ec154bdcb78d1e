import { useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import { readClaims } from '../model/token.ts'
import { signIn } from './session.ts'
import styles from './SignIn.module.css'

/** A form to sign in with a token. */
export function PasteToken() {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<string | null>(null)

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    const claims = readClaims(token)
    if (claims === null) setProblem('This is not a token: a token has three parts, separated by dots.')
    else if (claims.expiresAt !== null && claims.expiresAt < Date.now()) setProblem('This token has expired.')
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
        To get one, run <code>execution-monitor token --user ada</code>.
      </p>
    </form>
  )
}
