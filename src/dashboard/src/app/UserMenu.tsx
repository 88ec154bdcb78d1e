import { useQuery } from 'urql'
import { Link } from 'wouter'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { explain } from '../graphql/client.ts'
import { graphql } from '../graphql/graphql.ts'
import { messages } from '../messages/messages.ts'
import { CONNECT_PATH, KEYS_PATH, WEBHOOKS_PATH } from '../model/paths.ts'
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
      name={`Account of ${[subject, tenant].join(' ').trim()}`}
      className={styles.button}
      align="end"
    >
      {(close) => <Menu close={close} />}
    </Popover>
  )
}

function Menu({ close }: { close: () => void }) {
  // Read when the menu is opened: the list need not wait for it.
  const [{ data, error }] = useQuery({ query: SCOPES })
  if (error !== undefined) return <p>{explain(error)}</p>
  if (data === undefined) return <p>Loading …</p>
  const { scopes } = data.viewer
  return (
    <div className={styles.menu}>
      <Link className={styles.link} href={CONNECT_PATH} onClick={close}>
        {messages.connect.title}
      </Link>
      {scopes.includes('keys:write') && (
        <Link className={styles.link} href={KEYS_PATH} onClick={close}>
          Access keys
        </Link>
      )}
      {scopes.includes('webhooks:write') && (
        <Link className={styles.link} href={WEBHOOKS_PATH} onClick={close}>
          {messages.webhooks.title}
        </Link>
      )}
      <h2 className={styles.heading}>Your scopes</h2>
      <ul>
        {scopes.map((each) => (
          <li key={each}>
            <code>{each}</code>
          </li>
        ))}
      </ul>
      {scopes.length === 0 && <p>None: your token allows nothing.</p>}
    </div>
  )
}
