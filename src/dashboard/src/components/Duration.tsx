import { formatDuration, formatElapsed } from '../model/numbers.ts'
import { useNow } from './useNow.ts'

interface DurationProps {
  /** Seconds, as the server returned them. */
  seconds: number | null | undefined
  startedAt: string | null | undefined
  isRunning: boolean
}

/** How long something took, or has been running: then it ticks. */
export function Duration({ seconds, startedAt, isRunning }: DurationProps) {
  if (isRunning && startedAt) return <Ticking since={Date.parse(startedAt)} />
  return seconds === null || seconds === undefined ? null : <span>{formatDuration(seconds)}</span>
}

function Ticking({ since }: { since: number }) {
  const now = useNow()
  return <span>{formatElapsed((now - since) / 1000)}</span>
}
