import { conjunctsOf, isCondition, narrow, type Condition, type Filter } from './filter.ts'

// A facet is a field with the values that the executions of a list have. Choosing values changes the conditions of the
// field that stand side by side at the top of the filter; what stands in groups was written by hand, and stays.

/** The fields that have facets, in the order in which they are shown. */
export const FACETS = ['status', 'workflowName', 'errorCode', 'triggeredBy', 'userId', 'tags'] as const

/** A field with a facet. */
export type Facet = (typeof FACETS)[number]

/** What is chosen of a field: values to include, values to exclude; null is to have none. */
export interface Choice {
  readonly included: readonly (string | null)[]
  readonly excluded: readonly (string | null)[]
}

const NOTHING: Choice = { included: [], excluded: [] }

/** What `filter` says about the values of `field`. */
export function choiceOf(filter: Filter, field: Facet): Choice {
  return conjunctsOf(filter).reduce((choice, node) => add(choice, readNode(node, field)), NOTHING)
}

/**
 * `filter` after a click on a value of `field`: included, or excluded, or neither where it was that already. Included values
 * are alternatives to each other; of tags all must be there.
 */
export function toggle(filter: Filter, field: Facet, value: string | null, kind: keyof Choice): Filter {
  const { included, excluded } = choiceOf(filter, field)
  const other = kind === 'included' ? excluded : included
  const chosen = kind === 'included' ? included : excluded
  const next = chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value]
  const rest = other.filter((each) => each !== value)
  return choose(
    filter,
    field,
    kind === 'included' ? { included: next, excluded: rest } : { included: rest, excluded: next },
  )
}

/** `filter` for this value of `field` alone. */
export function only(filter: Filter, field: Facet, value: string | null): Filter {
  return field === 'tags'
    ? toggle(filter, field, value, 'included')
    : choose(filter, field, { included: [value], excluded: [] })
}

/** `filter` without this value of `field`. */
export function without(filter: Filter, field: Facet, value: string | null): Filter {
  return choiceOf(filter, field).excluded.includes(value) ? filter : toggle(filter, field, value, 'excluded')
}

function choose(filter: Filter, field: Facet, choice: Choice): Filter {
  const nodes = conjunctsOf(filter)
  const isOther = (node: Filter): boolean => readNode(node, field) === null
  // In the place of what was said of the field before.
  const place = nodes.findIndex((node) => !isOther(node))
  const before = place < 0 ? nodes : nodes.slice(0, place)
  const after = place < 0 ? [] : nodes.slice(place).filter(isOther)
  return narrow({ all: [...before, ...printChoice(field, choice)] }, { all: after })
}

function printChoice(field: Facet, { included, excluded }: Choice): Filter[] {
  if (field === 'tags') {
    const has = (key: string | null): Condition => ({ field, operator: 'has', values: [key ?? ''] })
    return [...included.map(has), ...excluded.map((key) => ({ not: has(key) }))]
  }
  const isNull = (answer: boolean): Condition => ({ field, operator: 'isNull', values: [String(answer)] })
  const [wanted, unwanted] = [included.filter((each) => each !== null), excluded.filter((each) => each !== null)]
  const alternatives: Filter[] = [
    ...(wanted.length > 0 ? [{ field, operator: 'in', values: wanted } as const] : []),
    ...(included.includes(null) ? [isNull(true)] : []),
  ]
  return [
    ...(alternatives.length > 1 ? [{ any: alternatives }] : alternatives),
    ...(unwanted.length > 0 ? [{ field, operator: 'notIn', values: unwanted } as const] : []),
    ...(excluded.includes(null) ? [isNull(false)] : []),
  ]
}

/** What a node of the filter says about the values of `field` alone; null where it says anything else. */
function readNode(node: Filter, field: Facet): Choice | null {
  if ('any' in node) {
    const parts = node.any.map((each) => readNode(each, field))
    const isChoice = parts.every((part) => part !== null && part.excluded.length === 0)
    return isChoice ? parts.reduce<Choice>(add, NOTHING) : null
  }
  if ('not' in node) {
    const inner = field === 'tags' ? readNode(node.not, field) : null
    return inner === null ? null : { included: inner.excluded, excluded: inner.included }
  }
  if (!isCondition(node) || node.field !== field) return null
  const { operator, values } = node
  if (operator === 'isNull')
    return values[0] === 'true' ? { included: [null], excluded: [] } : { included: [], excluded: [null] }
  if (operator === 'in' || operator === 'eq') return { included: values, excluded: [] }
  if (operator === 'notIn') return { included: [], excluded: values }
  return operator === 'has' && values.length === 1 ? { included: values, excluded: [] } : null
}

function add(choice: Choice, part: Choice | null): Choice {
  if (part === null) return choice
  return { included: [...choice.included, ...part.included], excluded: [...choice.excluded, ...part.excluded] }
}
