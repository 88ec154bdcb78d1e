import { kindOf, takesMany } from './filterFields.ts'
import { isCondition, type Condition, type Filter } from './filter.ts'
import { resolveDate } from './dates.ts'
import type { Status } from './status.ts'

interface Bounds<T> {
  eq?: T
  gt?: T
  gte?: T
  lt?: T
  lte?: T
  isNull?: boolean
}

interface Texts {
  eq?: string
  in?: string[]
  notIn?: string[]
  startsWith?: string
  contains?: string
  isNull?: boolean
}

/** `ExecutionFilter` of `schema.graphql`. */
export interface FilterInput {
  and?: FilterInput[]
  or?: FilterInput[]
  not?: FilterInput
  status?: { in?: Status[]; notIn?: Status[] }
  workflowName?: Texts
  triggeredBy?: Texts
  errorMessage?: Texts
  executionId?: Omit<Texts, 'startsWith' | 'contains'>
  workflowTemplateId?: Omit<Texts, 'startsWith' | 'contains'>
  userId?: Omit<Texts, 'startsWith' | 'contains'>
  sessionId?: Omit<Texts, 'startsWith' | 'contains'>
  parentExecutionId?: Omit<Texts, 'startsWith' | 'contains'>
  errorCode?: Omit<Texts, 'startsWith' | 'contains'>
  createdAt?: Omit<Bounds<string>, 'eq'>
  startedAt?: Omit<Bounds<string>, 'eq'>
  completedAt?: Omit<Bounds<string>, 'eq'>
  durationSeconds?: Omit<Bounds<number>, 'eq'>
  totalCost?: Omit<Bounds<number>, 'eq'>
  tokensUsed?: Omit<Bounds<number>, 'isNull'>
  tags?: { key: string; value?: string }
}

/** `filter` as the server takes it, with relative moments counted back from `now` (milliseconds). */
export function toFilterInput(filter: Filter, now: number): FilterInput {
  if (isCondition(filter)) return { [filter.field]: toConditions(filter, now) }
  if ('not' in filter) return { not: toFilterInput(filter.not, now) }
  if ('any' in filter) return { or: filter.any.map((part) => toFilterInput(part, now)) }
  const [first] = filter.all
  if (first === undefined) return {}
  return filter.all.length === 1
    ? toFilterInput(first, now)
    : { and: filter.all.map((part) => toFilterInput(part, now)) }
}

function toConditions({ field, operator, values }: Condition, now: number): unknown {
  const [first = '', second] = values
  const kind = kindOf(field)
  if (operator === 'isNull') return { isNull: first === 'true' }
  if (operator === 'has') return second === undefined ? { key: first } : { key: first, value: second }
  if (takesMany(operator)) return { [operator]: [...values] }
  if (kind === 'moment') return { [operator]: resolveDate(first, now) }
  return { [operator]: kind === 'number' || kind === 'count' ? Number(first) : first }
}
