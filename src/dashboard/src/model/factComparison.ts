import { messages } from '../messages/messages.ts'
import { differsClearly } from './comparison.ts'
import { formatCost, formatCount, formatDuration } from './numbers.ts'
import { nameStatus, type Status } from './status.ts'

/** The fields of an execution that a comparison reads. */
export interface ComparedExecution {
  workflowName: string
  status: Status
  attempt: number
  triggeredBy: string | null
  userId: string
  durationSeconds: number | null
  totalCost: number
  tokens: number
  stepsCompleted: number
  stepsFailed: number
  tags: readonly { key: string; value: string }[]
  error: { message: string; code: string | null } | null
}

/** A fact that differs, in words; null where an execution does not have it. */
export interface FactDifference {
  name: string
  one: string | null
  other: string | null
}

// Tags that name what was run come first: a change of the code explains most.
const CODE = /commit|sha|revision|version|branch|image/i

/** The facts in which two executions differ, tags included; numbers where they differ by more than noise. */
export function compareFacts(one: ComparedExecution, other: ComparedExecution): FactDifference[] {
  const text = messages.detail.compare
  const all: FactDifference[] = [
    pair(text.status, nameStatus(one.status), nameStatus(other.status)),
    pair(text.error, nameError(one), nameError(other)),
    ...compareTags(one, other),
    pair(text.workflow, one.workflowName, other.workflowName),
    pair(text.attempt, formatCount(one.attempt), formatCount(other.attempt)),
    pair(text.startedBy, one.triggeredBy ?? one.userId, other.triggeredBy ?? other.userId),
    pairOf(text.duration, one.durationSeconds, other.durationSeconds, formatDuration),
    pair(text.stepsDone, nameSteps(one), nameSteps(other)),
    pairOf(text.cost, one.totalCost, other.totalCost, formatCost),
    pairOf(text.tokens, one.tokens, other.tokens, formatCount),
  ]
  return all.filter((fact) => fact.one !== fact.other)
}

function compareTags(one: ComparedExecution, other: ComparedExecution): FactDifference[] {
  const [first, second] = [valuesOf(one), valuesOf(other)]
  const keys = [...new Set([...first.keys(), ...second.keys()])]
  const isCode = (key: string): number => Number(CODE.test(key))
  return keys
    .sort((left, right) => isCode(right) - isCode(left))
    .map((key) => pair(messages.detail.compare.tag(key), first.get(key) ?? null, second.get(key) ?? null))
}

/** Tags may repeat a key. */
function valuesOf({ tags }: ComparedExecution): Map<string, string> {
  const values = new Map<string, string>()
  for (const { key, value } of tags) {
    const known = values.get(key)
    values.set(key, known === undefined ? value : `${known}, ${value}`)
  }
  return values
}

function pair(name: string, one: string | null, other: string | null): FactDifference {
  return { name, one, other }
}

function pairOf(
  name: string,
  one: number | null,
  other: number | null,
  print: (value: number) => string,
): FactDifference {
  const isNoise = one !== null && other !== null && !differsClearly(one, other)
  if (isNoise) return pair(name, null, null)
  return pair(name, one === null ? null : print(one), other === null ? null : print(other))
}

function nameError({ error }: ComparedExecution): string | null {
  if (error === null) return null
  return error.code === null ? error.message : `${error.code}: ${error.message}`
}

function nameSteps({ stepsCompleted, stepsFailed }: ComparedExecution): string {
  const failed = stepsFailed === 0 ? '' : `, ${messages.detail.timeline.failed(formatCount(stepsFailed))}`
  return formatCount(stepsCompleted) + failed
}
