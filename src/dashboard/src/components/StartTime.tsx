import { hasEnded, type Status } from '../model/status.ts'
import { Timestamp } from './Timestamp.tsx'

/** When something started; in words where it has not, or ended without having started. */
export function StartTime({ at, status }: { at: string | null; status: Status }) {
  if (at !== null) return <Timestamp at={at} />
  return hasEnded(status) ? 'never' : 'not started'
}
