import { lazy } from 'react'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { messages } from '../messages/messages.ts'
import styles from './UserMenu.module.css'

// Loaded when it is opened.
const AccountPanel = lazy(() => import('./AccountPanel.tsx'))

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
      {(close) => <AccountPanel onClose={close} />}
    </Popover>
  )
}
