import { messages } from '../messages/messages.ts'
import { formatCost, formatCount } from './numbers.ts'
import type { RuleForm } from './ruleForm.ts'

/** Over so many days a rule is tried. */
export const PREVIEW_DAYS = 7
const DAY = 86_400_000

/** An alert that a rule would have had. */
export interface PreviewedAlert {
  readonly group: string | null
  readonly firedAt: string
  readonly resolvedAt: string | null
  readonly value: number | null
}

/** How many `alerts` fired in each of the days before `now` (milliseconds), the oldest first. */
export function countByDay(alerts: readonly PreviewedAlert[], now: number): number[] {
  const counts = Array<number>(PREVIEW_DAYS).fill(0)
  for (const { firedAt } of alerts) {
    const daysAgo = Math.floor((now - Date.parse(firedAt)) / DAY)
    // What is a little older than the first day, or newer than the clock of this browser, is of the nearest day.
    const place = PREVIEW_DAYS - 1 - Math.min(PREVIEW_DAYS - 1, Math.max(0, daysAgo))
    counts[place] = (counts[place] ?? 0) + 1
  }
  return counts
}

/** The most that was measured, in the unit of the rule: `42 %`, `7 executions`, `$12.00`; null where there is none. */
export function nameValue({ kind, sharePercent, measure }: RuleForm, value: number | null): string | null {
  if (value === null) return null
  if (kind === 'rate' && sharePercent.trim() !== '') return `${formatCount(Math.round(value * 100))} %`
  if (kind !== 'sum') return messages.rules.preview.executions(value, formatCount(value))
  return measure === 'COST' ? formatCost(value) : messages.rules.preview.tokens(formatCount(value))
}
