import { formatDate, formatUtc } from '../model/dates.ts'
import { useNow } from './useNow.ts'

/** An instant in the viewer's zone, with the exact UTC on hover; nothing for a missing one. */
export function Timestamp({ at }: { at: string | null | undefined }) {
  const now = useNow()
  if (at === null || at === undefined) return null
  const instant = Date.parse(at)
  return (
    <time dateTime={at} title={formatUtc(instant)}>
      {formatDate(instant, now)}
    </time>
  )
}
