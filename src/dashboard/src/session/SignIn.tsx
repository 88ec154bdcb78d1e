import { useEffect, useState } from 'react'
import icon from '../app/icon.svg'
import { readConfiguration, readPeople, type Person } from './configuration.ts'
import { PasteToken } from './PasteToken.tsx'
import { signIn } from './session.ts'
import styles from './SignIn.module.css'

/** The page of whoever is not signed in. */
export function SignIn({ notice }: { notice: string | null }) {
  const people = usePeople()

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
        {people.length > 0 && <Choice people={people} />}
        {people.length > 0 ? (
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

/** The people of a demo; nobody elsewhere, nor while the server does not answer: a token can always be pasted. */
function usePeople(): Person[] {
  const [people, setPeople] = useState<Person[]>([])
  useEffect(() => {
    let isShown = true
    async function ask(): Promise<void> {
      const { people: address } = await readConfiguration()
      const found = address === null ? [] : await readPeople(address)
      if (isShown) setPeople(found)
    }
    ask().catch(() => undefined)
    return () => {
      isShown = false
    }
  }, [])
  return people
}
