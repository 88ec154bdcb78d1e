import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { nameDate } from '../model/dates.ts'
import { EVERYTHING } from '../model/filter.ts'
import { CONNECT_PATH } from '../model/paths.ts'
import type { Scope } from '../model/scope.ts'
import styles from './OverviewPage.module.css'
import type { Failure } from './overviewStore.ts'

interface FailedProps {
  failure: Failure
  onRetry: () => void
  onShorten: (since: string) => void
  onSample: () => void
}

/** In place of statistics that could not be read: why, and which range or estimate would do. */
export function Failed({ failure, onRetry, onShorten, onSample }: FailedProps) {
  const words = messages.overview
  const zone = useZone()
  if (!failure.isTooMuch) {
    return (
      <Notice
        kind="error"
        title={words.couldNotLoad}
        action={<Button onClick={onRetry}>{messages.components.tryAgain}</Button>}
      >
        {failure.message}
      </Notice>
    )
  }
  const { since } = failure
  return (
    <Notice
      kind="error"
      title={words.tooMuch}
      action={
        <div className={styles.actions}>
          {since === null ? (
            <Button onClick={() => onShorten('-1h')}>{words.lastHour}</Button>
          ) : (
            <Button onClick={() => onShorten(new Date(since).toISOString().replace('.000', ''))}>
              {words.shorter(nameDate(since, zone))}
            </Button>
          )}
          <Button onClick={onSample}>{words.sample}</Button>
        </div>
      }
    >
      {words.tooMuchHint}
    </Notice>
  )
}

interface EmptyProps {
  scope: Scope
  /** Whether there are executions outside of the range and filter; null until that is known. */
  hasAny: boolean | null
  onChange: (changes: Partial<Scope>) => void
}

/** In place of a histogram without executions: how to see some. */
export function Empty({ scope, hasAny, onChange }: EmptyProps) {
  const words = messages.overview
  if (hasAny === null) return <Notice kind="loading" title={messages.app.loading} />
  if (!hasAny) {
    return (
      <Notice kind="empty" title={words.noneYet} action={<Link href={CONNECT_PATH}>{messages.connect.title}</Link>}>
        {words.noneYetHint}
      </Notice>
    )
  }
  return (
    <Notice
      kind="empty"
      title={words.nothing}
      action={
        <div className={styles.actions}>
          <Button onClick={() => onChange({ since: '-30d', until: null })}>{words.longer}</Button>
          {scope.filter !== EVERYTHING && (
            <Button onClick={() => onChange({ filter: EVERYTHING })}>{words.showAll}</Button>
          )}
        </div>
      }
    >
      {words.nothingHint}
    </Notice>
  )
}
