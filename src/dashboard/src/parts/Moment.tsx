import { formatMoment, formatUtc } from '../model/moments.ts'
import { useNow } from './clock.ts'

/** An instant in the viewer's zone, with the exact UTC on hover; nothing for a missing one. */
export function Moment({ at }: { at: string | null | undefined }) {
  const now = useNow()
  if (at === null || at === undefined) return null
  const instant = Date.parse(at)
  return (
    <time dateTime={at} title={formatUtc(instant)}>
      {formatMoment(instant, now)}
    </time>
  )
}
