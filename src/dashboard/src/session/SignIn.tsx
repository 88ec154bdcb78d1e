import { useEffect, useState } from 'react'
import icon from '../components/logo.svg'
import { Button } from '../components/Button.tsx'
import { readConfiguration, readPeople, type Person } from './configuration.ts'
import { beginSignIn } from './authorizationCodeFlow.ts'
import { PasteToken } from './PasteToken.tsx'
import { signIn } from './session.ts'
import styles from './SignIn.module.css'

/** The page of whoever is not signed in. */
export function SignIn({ notice }: { notice: string | null }) {
  const { people, issuer } = useOffers()

  return (
    <main className={styles.page}>
      <section className={styles.card} aria-labelledby="sign-in">
        <header className={styles.header}>
          <img src={icon} width="36" height="36" alt="" />
          <h1 id="sign-in">Execution Monitor</h1>
          <p>Every workflow run, live.</p>
        </header>
        {notice !== null && (
          <p className={styles.notice} role="status">
            {notice}
          </p>
        )}
        {issuer !== null && <AtIssuer issuer={issuer} />}
        {people.length > 0 && <Choice people={people} />}
        {people.length > 0 || issuer !== null ? (
          <details className={styles.other}>
            <summary>Use a token instead</summary>
            <PasteToken />
          </details>
        ) : (
          <PasteToken />
        )}
      </section>
    </main>
  )
}

function Choice({ people }: { people: Person[] }) {
  return (
    <>
      <h2 className={styles.question}>Look around as</h2>
      <ul className={styles.people}>
        {people.map((person) => (
          <li key={person.name}>
            <button type="button" className={styles.person} onClick={() => signIn(person.token)}>
              <span className={styles.initial} aria-hidden="true">
                {person.name.slice(0, 1).toUpperCase()}
              </span>
              <span>
                <strong>{person.name}</strong>
                <span className={styles.may}>{person.may}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}

function AtIssuer({ issuer }: { issuer: string }) {
  const [problem, setProblem] = useState<string | null>(null)
  return (
    <>
      <Button
        kind="primary"
        onClick={() => void beginSignIn().catch((error: unknown) => setProblem((error as Error).message))}
      >
        Sign in at {new URL(issuer).host}
      </Button>
      <p className={styles.problem} role="alert">
        {problem}
      </p>
    </>
  )
}

interface Offers {
  people: Person[]
  issuer: string | null
}

/** Ways to sign in; while the server does not answer, none: a token can always be pasted. */
function useOffers(): Offers {
  const [offers, setOffers] = useState<Offers>({ people: [], issuer: null })
  useEffect(() => {
    let isShown = true
    async function ask(): Promise<void> {
      const { people: address, issuer } = await readConfiguration()
      const people = address === null ? [] : await readPeople(address)
      if (isShown) setOffers({ people, issuer })
    }
    ask().catch(() => undefined)
    return () => {
      isShown = false
    }
  }, [])
  return offers
}
