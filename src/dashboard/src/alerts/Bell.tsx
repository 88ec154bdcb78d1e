import { Link } from 'wouter'
import { Icon } from '../components/Icon.tsx'
import { messages } from '../messages/messages.ts'
import { ALERTS_PATH } from '../model/paths.ts'
import styles from './Bell.module.css'
import { useAlerts } from './useAlerts.ts'
import { useStopped } from './useStopped.ts'

// More are counted as so many and more.
const MOST = 99

/** How many alerts fire, live, and how many rules and webhooks work no more; nothing for those who may see none. */
export default function Bell() {
  const { alerts, scopes } = useAlerts('FIRING', MOST + 1)
  const { rules, webhooks } = useStopped(scopes)
  if (alerts === null) return null
  const all = alerts.length + rules + webhooks
  const count = all > MOST ? `${MOST}+` : String(all)
  const name = messages.app.bell(alerts.length > MOST ? `${MOST}+` : String(alerts.length), rules + webhooks)
  return (
    <Link className={styles.bell} href={ALERTS_PATH} title={name}>
      <Icon name="bell" />
      {all > 0 && (
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
