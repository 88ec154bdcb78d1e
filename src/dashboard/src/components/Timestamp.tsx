import { formatDate, formatUtc } from '../model/dates.ts'
import { useNow } from './useNow.ts'
import { useZone } from './ZoneContext.ts'

/** A time in the zone of the page, with exact UTC on hover; nothing for null. */
export function Timestamp({ at }: { at: string | null | undefined }) {
  const now = useNow()
  const zone = useZone()
  if (at === null || at === undefined) return null
  const time = Date.parse(at)
  return (
    <time dateTime={at} title={formatUtc(time)}>
      {formatDate(time, now, zone)}
    </time>
  )
}
