import { Link } from 'wouter'
import { Icon } from '../components/Icon.tsx'
import { messages } from '../messages/messages.ts'
import { ALERTS_PATH } from '../model/paths.ts'
import styles from './Bell.module.css'
import { useAlerts } from './useAlerts.ts'

// More are counted as so many and more.
const MOST = 99

/** How many alerts fire, live, with a link to them; nothing for those who may see none. */
export default function Bell() {
  const { alerts } = useAlerts('FIRING', MOST + 1)
  if (alerts === null) return null
  const count = alerts.length > MOST ? `${MOST}+` : String(alerts.length)
  const name = messages.app.bell(count)
  return (
    <Link className={styles.bell} href={ALERTS_PATH} title={name}>
      <Icon name="bell" />
      {alerts.length > 0 && (
        <span className={styles.count} aria-hidden="true">
          {count}
        </span>
      )}
      <span className="visually-hidden" role="status">
        {name}
      </span>
    </Link>
  )
}
