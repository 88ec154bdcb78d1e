import { kindOf, nameField, nameOperator, operatorsOf, takesMany, type Field, type Operator } from './filterFields.ts'
import { isDate, nameDate } from './dates.ts'
import { isStatus, nameStatus } from './status.ts'

/** One test of one field. Values are text as people write it; `isNull` has `true` or `false`, `has` a key and perhaps a value. */
export interface Condition {
  readonly field: Field
  readonly operator: Operator
  readonly values: readonly string[]
}

/** A filter: a condition, or several of them together. */
export type Filter =
  Condition | { readonly all: readonly Filter[] } | { readonly any: readonly Filter[] } | { readonly not: Filter }

/** The way to a part of a filter: an index into each group; a negation has one part, 0. */
export type Path = readonly number[]

export const EVERYTHING: Filter = { all: [] }

/** Whether `filter` is a single condition. */
export function isCondition(filter: Filter): filter is Condition {
  return 'field' in filter
}

/** The parts of a group; a negation's one part; none of a condition. */
export function partsOf(filter: Filter): readonly Filter[] {
  if ('all' in filter) return filter.all
  if ('any' in filter) return filter.any
  return 'not' in filter ? [filter.not] : []
}

/** Why the server would refuse `condition`, as a sentence; null when it would not. */
export function findProblem({ field, operator, values }: Condition): string | null {
  const title = nameField(field)
  if (!operatorsOf(field).includes(operator)) return `${title} cannot be compared like that.`
  if (operator === 'isNull') return values[0] === 'true' || values[0] === 'false' ? null : 'Say whether it is missing.'
  if (values.length === 0 || (values.length > (operator === 'has' ? 2 : 1) && !takesMany(operator)))
    return `${title} needs a value.`
  const kind = kindOf(field)
  if (kind === 'status') return values.every(isStatus) ? null : 'That is no status.'
  if (kind === 'moment') return isDate(values[0] ?? '') ? null : 'Write a moment, or how long ago: -24h.'
  if (kind === 'number' || kind === 'count') {
    const value = Number(values[0])
    if (values[0]?.trim() === '' || !Number.isFinite(value)) return `${title} is a number.`
    // What GraphQL's Int holds.
    return kind === 'count' && (!Number.isInteger(value) || Math.abs(value) > 2 ** 31 - 1)
      ? `${title} is a whole number.`
      : null
  }
  return values[0] === '' ? `${title} needs a value.` : null
}

/** `condition` in words: what it tests, how, and against what. */
export function describe({ field, operator, values }: Condition): { field: string; operator: string; value: string } {
  const title = nameField(field)
  if (operator === 'isNull') {
    return { field: title, operator: values[0] === 'true' ? 'is missing' : 'is there', value: '' }
  }
  if (operator === 'has') return { field: title, operator: '', value: values.join(' = ') }
  const kind = kindOf(field)
  const named = values.map((value) => {
    if (kind === 'status' && isStatus(value)) return nameStatus(value)
    return kind === 'moment' ? nameDate(value) : value
  })
  const isOne = takesMany(operator) && named.length === 1
  const name = isOne ? (operator === 'in' ? 'is' : 'is not') : nameOperator(field, operator)
  return { field: title, operator: name, value: named.join(', ') }
}

/** `filter` with the part at `path` changed by `change`; a part that becomes null is taken out. */
export function changeAt(filter: Filter, path: Path, change: (part: Filter) => Filter | null): Filter {
  return tidy(changePart(filter, path, change)) ?? EVERYTHING
}

function changePart(filter: Filter, [index, ...rest]: Path, change: (part: Filter) => Filter | null): Filter | null {
  if (index === undefined) return change(filter)
  const parts = partsOf(filter).flatMap((part, at) => {
    const changed = at === index ? changePart(part, rest, change) : part
    return changed === null ? [] : [changed]
  })
  if ('not' in filter) return parts[0] === undefined ? null : { not: parts[0] }
  return 'any' in filter ? { any: parts } : { all: parts }
}

/** `filter` without groups that say nothing: none of no parts but the outermost, none of one part. */
function tidy(filter: Filter | null): Filter | null {
  if (filter === null || isCondition(filter)) return filter
  const parts = partsOf(filter)
    .map(tidy)
    .filter((part) => part !== null)
  const [first] = parts
  if (first === undefined) return null
  if ('not' in filter) return 'not' in first ? first.not : { not: first }
  if (parts.length === 1) return first
  return 'any' in filter ? { any: parts } : { all: parts.flatMap((part) => ('all' in part ? part.all : [part])) }
}

/** `filter` and `part` both. */
export function narrow(filter: Filter, part: Filter): Filter {
  return tidy({ all: [filter, part] }) ?? EVERYTHING
}

/** The parts that must all hold: what a filter bar shows one after another. */
export function conjunctsOf(filter: Filter): readonly Filter[] {
  return 'all' in filter ? filter.all : [filter]
}
