import { Sparkline } from '../charts/Sparkline.tsx'
import styles from '../components/records.module.css'
import { Timestamp } from '../components/Timestamp.tsx'
import { useNow } from '../components/useNow.ts'
import { messages } from '../messages/messages.ts'
import { formatCount, formatDuration } from '../model/numbers.ts'
import { countByDay, nameValue, PREVIEW_DAYS, type PreviewedAlert } from '../model/rulePreview.ts'
import type { RuleForm } from '../model/ruleForm.ts'
import { useRulePreview } from './useRulePreview.ts'

// Enough to see whether the rule is worth its noise.
const ROWS = 5

interface RulePreviewProps {
  rule: RuleForm
  /** Whether a filter of the rule cannot be read. */
  isUnread: boolean
}

/** The alerts that a rule would have had in the last days, before it is saved. */
export function RulePreview({ rule, isUnread }: RulePreviewProps) {
  const words = messages.rules.preview
  return (
    <section className={styles.preview} aria-label={words.title(PREVIEW_DAYS)}>
      <h3>{words.title(PREVIEW_DAYS)}</h3>
      {isUnread ? <p className={styles.faint}>{words.unread}</p> : <Alerts rule={rule} />}
    </section>
  )
}

function Alerts({ rule }: { rule: RuleForm }) {
  const { alerts, error } = useRulePreview(rule)
  const words = messages.rules.preview
  const now = useNow()
  const newest = alerts?.toReversed().slice(0, ROWS) ?? []
  return (
    <>
      <p role="status" className={error === null ? undefined : styles.problem}>
        {error ?? (alerts === null ? words.loading : words.count(alerts.length, formatCount(alerts.length)))}
      </p>
      {alerts !== null && alerts.length > 0 && (
        <>
          <Sparkline label={words.trend(PREVIEW_DAYS)} values={countByDay(alerts, now)} tone="FAILED" />
          <ol aria-label={words.newest}>
            {newest.map((alert) => (
              <li key={`${alert.firedAt} ${alert.group ?? ''}`}>
                <Row alert={alert} rule={rule} />
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  )
}

function Row({ alert, rule }: { alert: PreviewedAlert; rule: RuleForm }) {
  const words = messages.rules.preview
  const { group, firedAt, resolvedAt, value } = alert
  const lasted = resolvedAt === null ? null : (Date.parse(resolvedAt) - Date.parse(firedAt)) / 1000
  const measured = nameValue(rule, value)
  return (
    <>
      <Timestamp at={firedAt} /> {lasted === null ? words.firing : words.lasted(formatDuration(lasted))}
      {[group, measured].map((each) => each !== null && <span key={each}> · {each}</span>)}
    </>
  )
}
