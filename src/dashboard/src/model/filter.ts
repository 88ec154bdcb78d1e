import { messages } from '../messages/messages.ts'
import { isDate, nameDate } from './dates.ts'
import {
  inputTypeOf,
  isNumeric,
  nameField,
  nameOperator,
  operatorsOf,
  takesMany,
  type Field,
  type Operator,
} from './filterFields.ts'
import { isStatus, nameStatus } from './status.ts'

/** A test of one field. Values are text; those of `isNull` are `true` or `false`, those of `has` a key and optionally a value. */
export interface Condition {
  readonly field: Field
  readonly operator: Operator
  readonly values: readonly string[]
}

/** A filter: a tree of conditions. */
export type Filter =
  Condition | { readonly all: readonly Filter[] } | { readonly any: readonly Filter[] } | { readonly not: Filter }

/** The path to a node of a filter: the index of a child on each level; the child of `not` is 0. */
export type Path = readonly number[]

export const EVERYTHING: Filter = { all: [] }

/** Whether `filter` is a single condition. */
export function isCondition(filter: Filter): filter is Condition {
  return 'field' in filter
}

/** The children of a group or a negation; a condition has none. */
export function childrenOf(filter: Filter): readonly Filter[] {
  if ('all' in filter) return filter.all
  if ('any' in filter) return filter.any
  return 'not' in filter ? [filter.not] : []
}

/** Why the server would reject `condition`, as a sentence; null when it would not. */
export function findProblem({ field, operator, values }: Condition): string | null {
  const { filterProblems } = messages.model
  const title = nameField(field)
  if (!operatorsOf(field).includes(operator)) return filterProblems.operator(operator, title)
  if (operator === 'isNull') return values[0] === 'true' || values[0] === 'false' ? null : filterProblems.trueOrFalse
  const [first] = values
  if (first === undefined) return filterProblems.noValue(title)
  const isPair = operator === 'has'
  if (values.length > (isPair ? 2 : 1) && !takesMany(operator))
    return isPair ? filterProblems.keyAndValue(title) : filterProblems.oneValue(title)
  return findValueProblem(field, first, values)
}

function findValueProblem(field: Field, first: string, values: readonly string[]): string | null {
  const { filterProblems } = messages.model
  const title = nameField(field)
  const input = inputTypeOf(field)
  if (input === 'ExecutionStatusFilter') {
    const unknown = values.find((value) => !isStatus(value))
    return unknown === undefined ? null : filterProblems.status(unknown)
  }
  if (input === 'DateTimeFilter') return isDate(first) ? null : filterProblems.date
  if (isNumeric(field)) {
    const value = Number(first)
    if (first.trim() === '' || !Number.isFinite(value)) return filterProblems.number(title)
    if (input === 'BigIntFilter') return Number.isSafeInteger(value) ? null : filterProblems.wholeNumber(title)
    // GraphQL's Int has 32 bits.
    return input === 'IntFilter' && (!Number.isInteger(value) || Math.abs(value) > 2 ** 31 - 1)
      ? filterProblems.wholeNumber(title)
      : null
  }
  return first === '' ? filterProblems.noValue(title) : null
}

/** `condition` for people: `Status`, `is any of`, `Failed, Timed out`; dates in the time zone `zone`. */
export function describeCondition(
  { field, operator, values }: Condition,
  zone?: string,
): {
  field: string
  operator: string
  value: string
} {
  const title = nameField(field)
  if (operator === 'isNull') {
    return {
      field: title,
      operator: values[0] === 'true' ? messages.model.isMissing : messages.model.isPresent,
      value: '',
    }
  }
  if (operator === 'has') return { field: title, operator: '', value: values.join(' = ') }
  const input = inputTypeOf(field)
  const named = values.map((value) => {
    if (input === 'ExecutionStatusFilter' && isStatus(value)) return nameStatus(value)
    return input === 'DateTimeFilter' ? nameDate(value, zone) : value
  })
  const isOne = takesMany(operator) && named.length === 1
  const name = isOne ? (operator === 'in' ? messages.model.is : messages.model.isNot) : nameOperator(field, operator)
  return { field: title, operator: name, value: named.join(', ') }
}

/** `filter` with `change` applied to the node at `path`; a node that becomes null is removed. */
export function changeAt(filter: Filter, path: Path, change: (node: Filter) => Filter | null): Filter {
  return simplify(changeNode(filter, path, change)) ?? EVERYTHING
}

function changeNode(filter: Filter, [index, ...rest]: Path, change: (node: Filter) => Filter | null): Filter | null {
  if (index === undefined) return change(filter)
  const children = childrenOf(filter).flatMap((child, at) => {
    const changed = at === index ? changeNode(child, rest, change) : child
    return changed === null ? [] : [changed]
  })
  if ('not' in filter) return children[0] === undefined ? null : { not: children[0] }
  return 'any' in filter ? { any: children } : { all: children }
}

/** `filter` without empty groups, groups of one, double negations and nested `all`; null when nothing is left. */
function simplify(filter: Filter | null): Filter | null {
  if (filter === null || isCondition(filter)) return filter
  const children = childrenOf(filter)
    .map(simplify)
    .filter((child) => child !== null)
  const [first] = children
  if (first === undefined) return null
  if ('not' in filter) return 'not' in first ? first.not : { not: first }
  if (children.length === 1) return first
  if ('any' in filter) return { any: children }
  return { all: children.flatMap((child) => ('all' in child ? child.all : [child])) }
}

/** The filter that matches what both `filter` and `other` match. */
export function narrow(filter: Filter, other: Filter): Filter {
  return simplify({ all: [filter, other] }) ?? EVERYTHING
}

/** The filters that must all match, as the filter bar shows them side by side. */
export function conjunctsOf(filter: Filter): readonly Filter[] {
  return 'all' in filter ? filter.all : [filter]
}
