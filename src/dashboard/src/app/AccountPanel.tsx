import { useQuery } from 'urql'
import { Link } from 'wouter'
import form from '../components/form.module.css'
import { explain } from '../graphql/client.ts'
import { graphql } from '../graphql/graphql.ts'
import { chooseLanguage, LANGUAGES, readLanguage, type Language } from '../messages/language.ts'
import { messages } from '../messages/messages.ts'
import { accountPagesFor } from '../model/accountPages.ts'
import styles from './UserMenu.module.css'

const SCOPES = graphql(`
  query Scopes {
    viewer {
      scopes
    }
  }
`)

/** What the user may do, with the pages for that, and the language of the page. */
export default function AccountPanel({ onClose }: { onClose: () => void }) {
  return (
    <div className={styles.menu}>
      <Rights onClose={onClose} />
      <LanguageChoice />
    </div>
  )
}

function Rights({ onClose }: { onClose: () => void }) {
  const [{ data, error }] = useQuery({ query: SCOPES })
  const scopes = data?.viewer.scopes ?? []
  // Links that need no scope are there at once: the panel gives the focus to its first control when it opens.
  return (
    <>
      {accountPagesFor(scopes).map(({ path, name }) => (
        <Link key={path} className={styles.link} href={path} onClick={onClose}>
          {name}
        </Link>
      ))}
      <h2 className={styles.heading}>{messages.app.scopes}</h2>
      {error !== undefined && <p>{explain(error)}</p>}
      {data === undefined && error === undefined && <p>{messages.app.loading}</p>}
      <ul>
        {scopes.map((each) => (
          <li key={each}>
            <code>{each}</code>
          </li>
        ))}
      </ul>
      {data?.viewer.scopes.length === 0 && <p>{messages.app.noScopes}</p>}
    </>
  )
}

/** The languages of the page, each in its own words. */
function LanguageChoice() {
  const current = readLanguage()
  return (
    <fieldset className={styles.languages}>
      <legend className={styles.heading}>{messages.app.language}</legend>
      {(Object.keys(LANGUAGES) as Language[]).map((each) => (
        <label key={each} className={form.option} lang={each}>
          <input type="radio" name="language" checked={each === current} onChange={() => chooseLanguage(each)} />
          {LANGUAGES[each]}
        </label>
      ))}
    </fieldset>
  )
}
