import { useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import { messages } from '../messages/messages.ts'
import { readClaims } from '../model/token.ts'
import { signIn } from './session.ts'
import styles from './SignIn.module.css'

// Of all tokens.
const BEGINNING = 'eyJhbGciOi…'

/** A form to sign in with a token. */
export function PasteToken() {
  const words = messages.session
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<string | null>(null)

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    const claims = readClaims(token)
    if (claims === null) setProblem(words.noToken)
    else if (claims.expiresAt !== null && claims.expiresAt < Date.now()) setProblem(words.expiredToken)
    else signIn(token)
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      <label htmlFor="token">{words.token}</label>
      <textarea
        id="token"
        rows={4}
        value={token}
        placeholder={BEGINNING}
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
        {words.signIn}
      </Button>
      <p className={styles.hint}>{words.tokenCommand('execution-monitor token --user ada')}</p>
    </form>
  )
}
