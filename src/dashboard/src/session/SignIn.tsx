import { useEffect, useState } from 'react'
import { Button } from '../components/Button.tsx'
import logo from '../components/logo.svg'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { titleOfPage } from '../model/titles.ts'
import { beginSignIn } from './authorizationCodeFlow.ts'
import { readConfiguration, readPeople, type Person } from './configuration.ts'
import { PasteToken } from './PasteToken.tsx'
import { signIn } from './session.ts'
import styles from './SignIn.module.css'

/** The sign-in page: at an issuer, as a person of the demo, or with a token. */
export default function SignIn({ notice }: { notice: string | null }) {
  const { people, issuer } = useSignInOptions()
  useTitle(titleOfPage(messages.session.signIn))

  return (
    <main className={styles.page}>
      <section className={styles.card} aria-labelledby="sign-in">
        <header className={styles.header}>
          <img src={logo} width="36" height="36" alt="" />
          <h1 id="sign-in">{messages.app.name}</h1>
          <p>{messages.session.subtitle}</p>
        </header>
        {notice !== null && (
          <p className={styles.notice} role="status">
            {notice}
          </p>
        )}
        {issuer !== null && <IssuerButton issuer={issuer} />}
        {people.length > 0 && <PersonList people={people} />}
        {people.length > 0 || issuer !== null ? (
          <details className={styles.other}>
            <summary>{messages.session.useToken}</summary>
            <PasteToken />
          </details>
        ) : (
          <PasteToken />
        )}
      </section>
    </main>
  )
}

function PersonList({ people }: { people: Person[] }) {
  return (
    <>
      <h2 className={styles.heading}>{messages.session.continueAs}</h2>
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

function IssuerButton({ issuer }: { issuer: string }) {
  const [problem, setProblem] = useState<string | null>(null)
  return (
    <>
      <Button
        kind="primary"
        onClick={() => void beginSignIn().catch((error: unknown) => setProblem((error as Error).message))}
      >
        {messages.session.signInAt(new URL(issuer).host)}
      </Button>
      <p className={styles.problem} role="alert">
        {problem}
      </p>
    </>
  )
}

interface SignInOptions {
  people: Person[]
  issuer: string | null
}

/** The ways to sign in that the server offers; none until it has responded. A token can always be pasted. */
function useSignInOptions(): SignInOptions {
  const [options, setSignInOptions] = useState<SignInOptions>({ people: [], issuer: null })
  useEffect(() => {
    let isMounted = true
    async function load(): Promise<void> {
      const { people: url, issuer } = await readConfiguration()
      // Without them the issuer is left.
      const people = url === null ? [] : await readPeople(url).catch(() => [])
      if (isMounted) setSignInOptions({ people, issuer })
    }
    load().catch(() => undefined)
    return () => {
      isMounted = false
    }
  }, [])
  return options
}
