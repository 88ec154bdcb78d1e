import type { SchemaType } from '../graphql/schemaTypes.ts'
import { resolveDate } from './dates.ts'
import { EVERYTHING, isCondition, type Condition, type Filter } from './filter.ts'
import { inputTypeOf, isField, isNumeric, operatorsOf, takesMany, type Field } from './filterFields.ts'

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

/** The filter that the JSON of an `ExecutionFilter` is, as the API gives it; null where the editor has no words for it. */
export function readFilterInput(input: unknown): Filter | null {
  if (input === null || input === undefined) return EVERYTHING
  if (typeof input !== 'object') return null
  const parts = Object.entries(input).map(([name, value]) => readPart(name, value))
  const known = parts.filter((part) => part !== null)
  if (known.length < parts.length) return null
  const [only] = known
  return known.length === 1 && only !== undefined
    ? only
    : { all: known.flatMap((part) => ('all' in part ? part.all : [part])) }
}

function readPart(name: string, value: unknown): Filter | null {
  if (name === 'not') {
    const child = readFilterInput(value)
    return child === null ? null : { not: child }
  }
  if (name === 'and' || name === 'or') {
    const children = Array.isArray(value) ? value.map(readFilterInput) : [null]
    const known = children.filter((child) => child !== null)
    if (known.length < children.length) return null
    return name === 'and' ? { all: known } : { any: known }
  }
  return isField(name) ? readField(name, value) : null
}

function readField(field: Field, value: unknown): Filter | null {
  if (typeof value !== 'object' || value === null) return null
  if (inputTypeOf(field) === 'TagFilter') {
    const { key, value: tag } = value as { key?: unknown; value?: unknown }
    const values = [key, tag].filter((each) => typeof each === 'string')
    return values.length === 0 ? null : { field, operator: 'has', values }
  }
  const conditions = Object.entries(value).map(([name, operand]): Condition | null => {
    const operator = operatorsOf(field).find((each) => each === name)
    const values = Array.isArray(operand) ? (operand as unknown[]) : [operand]
    return operator === undefined ? null : { field, operator, values: values.map(String) }
  })
  const known = conditions.filter((each) => each !== null)
  if (known.length < conditions.length) return null
  const [only] = known
  return known.length === 1 && only !== undefined ? only : { all: known }
}
