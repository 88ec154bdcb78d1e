import { formatDate, formatUtc } from '../model/dates.ts'
import { useNow } from './useNow.ts'

/** A time in the viewer's zone, with exact UTC on hover; nothing for null. */
export function Timestamp({ at }: { at: string | null | undefined }) {
  const now = useNow()
  if (at === null || at === undefined) return null
  const time = Date.parse(at)
  return (
    <time dateTime={at} title={formatUtc(time)}>
      {formatDate(time, now)}
    </time>
  )
}
