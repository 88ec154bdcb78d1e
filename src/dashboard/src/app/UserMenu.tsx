import { useQuery } from 'urql'
import { Link } from 'wouter'
import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { explain } from '../graphql/client.ts'
import { graphql } from '../graphql/graphql.ts'
import { chooseLanguage, LANGUAGES, readLanguage, type Language } from '../messages/language.ts'
import { messages } from '../messages/messages.ts'
import { API_PATH, AUDIT_PATH, CONNECT_PATH, KEYS_PATH, RULES_PATH, WEBHOOKS_PATH } from '../model/paths.ts'
import styles from './UserMenu.module.css'

const SCOPES = graphql(`
  query Scopes {
    viewer {
      scopes
    }
  }
`)

/** Who is signed in; a panel below says what they may do, and links to the pages for that. */
export function UserMenu({ subject, tenant }: { subject: string; tenant: string | null }) {
  const label = (
    <>
      <span className={styles.icon}>
        <Icon name="user" />
      </span>
      <span className={styles.user}>
        {subject}
        {tenant !== null && <span className={styles.tenant}> {tenant}</span>}
      </span>
    </>
  )
  return (
    <Popover
      label={label}
      name={messages.app.account([subject, tenant].join(' ').trim())}
      className={styles.button}
      align="end"
    >
      {(close) => (
        <div className={styles.menu}>
          <Rights close={close} />
          <LanguageChoice />
        </div>
      )}
    </Popover>
  )
}

function Rights({ close }: { close: () => void }) {
  // Read when the menu is opened: the list need not wait for it.
  const [{ data, error }] = useQuery({ query: SCOPES })
  const scopes = data?.viewer.scopes ?? []
  // Links that need no scope are there at once: the panel gives the focus to its first control when it opens.
  return (
    <>
      <Link className={styles.link} href={CONNECT_PATH} onClick={close}>
        {messages.app.pageNames.connect}
      </Link>
      <Link className={styles.link} href={API_PATH} onClick={close}>
        {messages.app.pageNames.api}
      </Link>
      {scopes.includes('audit:read') && (
        <Link className={styles.link} href={AUDIT_PATH} onClick={close}>
          {messages.app.pageNames.audit}
        </Link>
      )}
      {scopes.includes('keys:write') && (
        <Link className={styles.link} href={KEYS_PATH} onClick={close}>
          {messages.app.keys}
        </Link>
      )}
      {scopes.includes('executions:read') && (
        <Link className={styles.link} href={RULES_PATH} onClick={close}>
          {messages.app.pageNames.rules}
        </Link>
      )}
      {scopes.includes('webhooks:write') && (
        <Link className={styles.link} href={WEBHOOKS_PATH} onClick={close}>
          {messages.app.pageNames.webhooks}
        </Link>
      )}
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
