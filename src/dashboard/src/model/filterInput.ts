import type { SchemaType } from '../graphql/schemaTypes.ts'
import { resolveDate } from './dates.ts'
import { isCondition, type Condition, type Filter } from './filter.ts'
import { inputTypeOf, isNumeric, takesMany, type Field } from './filterFields.ts'

export type FilterInput = SchemaType<'ExecutionFilter'>

/** `filter` as the argument `filter` of a request; relative dates are counted back from `now` (milliseconds). */
export function toFilterInput(filter: Filter, now: number): FilterInput {
  if (isCondition(filter)) return { [filter.field]: toFieldInput(filter, now) }
  if ('not' in filter) return { not: toFilterInput(filter.not, now) }
  if ('any' in filter) return { or: filter.any.map((child) => toFilterInput(child, now)) }
  const [first] = filter.all
  if (first === undefined) return {}
  return filter.all.length === 1
    ? toFilterInput(first, now)
    : { and: filter.all.map((child) => toFilterInput(child, now)) }
}

function toFieldInput({ field, operator, values }: Condition, now: number): NonNullable<FilterInput[Field]> {
  const [first = '', second] = values
  if (operator === 'isNull') return { isNull: first === 'true' }
  if (operator === 'has') return second === undefined ? { key: first } : { key: first, value: second }
  if (takesMany(operator)) return { [operator]: [...values] }
  if (inputTypeOf(field) === 'DateTimeFilter') return { [operator]: resolveDate(first, now) }
  return { [operator]: isNumeric(field) ? Number(first) : first }
}
