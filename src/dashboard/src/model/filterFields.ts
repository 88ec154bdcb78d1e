/** What executions can be filtered by, and how: the filter language of `schema.graphql`, named for people. */

export type FieldKind = 'status' | 'text' | 'id' | 'moment' | 'number' | 'count' | 'tag'

export type Operator =
  'eq' | 'in' | 'notIn' | 'contains' | 'startsWith' | 'gt' | 'gte' | 'lt' | 'lte' | 'isNull' | 'has'

const FIELD_TABLE = {
  status: { title: 'Status', kind: 'status' },
  workflowName: { title: 'Workflow', kind: 'text' },
  createdAt: { title: 'Created', kind: 'moment' },
  startedAt: { title: 'Started', kind: 'moment' },
  completedAt: { title: 'Completed', kind: 'moment' },
  durationSeconds: { title: 'Duration', kind: 'number', unit: 's' },
  totalCost: { title: 'Cost', kind: 'number', unit: '$' },
  tokensUsed: { title: 'Tokens', kind: 'count' },
  errorMessage: { title: 'Error message', kind: 'text' },
  errorCode: { title: 'Error code', kind: 'id' },
  tags: { title: 'Tag', kind: 'tag' },
  triggeredBy: { title: 'Started by', kind: 'text' },
  userId: { title: 'Owner', kind: 'id' },
  executionId: { title: 'Execution id', kind: 'id' },
  workflowTemplateId: { title: 'Template', kind: 'id' },
  parentExecutionId: { title: 'Parent', kind: 'id' },
  sessionId: { title: 'Session', kind: 'id' },
} as const satisfies Record<string, { title: string; kind: FieldKind; unit?: string }>

export type Field = keyof typeof FIELD_TABLE

export const FIELDS = Object.keys(FIELD_TABLE) as Field[]

const OPERATORS: Record<FieldKind, readonly Operator[]> = {
  status: ['in', 'notIn'],
  text: ['contains', 'startsWith', 'eq', 'in', 'notIn', 'isNull'],
  id: ['eq', 'in', 'notIn', 'isNull'],
  moment: ['gte', 'lt', 'gt', 'lte', 'isNull'],
  number: ['gte', 'lte', 'gt', 'lt', 'isNull'],
  count: ['gte', 'lte', 'gt', 'lt', 'eq'],
  tag: ['has'],
}

const OPERATOR_NAMES: Record<Operator, string> = {
  eq: 'is',
  in: 'is any of',
  notIn: 'is none of',
  contains: 'contains',
  startsWith: 'starts with',
  gt: 'more than',
  gte: 'at least',
  lt: 'less than',
  lte: 'at most',
  isNull: 'is missing',
  has: 'has',
}

const MOMENT_NAMES: Partial<Record<Operator, string>> = { gt: 'after', gte: 'since', lt: 'before', lte: 'until' }

/** `field` as people read it. */
export function nameField(field: Field): string {
  return FIELD_TABLE[field].title
}

/** What sort of values `field` has. */
export function kindOf(field: Field): FieldKind {
  return FIELD_TABLE[field].kind
}

/** The operators that `field` takes, the usual one first. */
export function operatorsOf(field: Field): readonly Operator[] {
  return OPERATORS[kindOf(field)]
}

/** `operator` as people read it behind `field`. */
export function nameOperator(field: Field, operator: Operator): string {
  return (kindOf(field) === 'moment' ? MOMENT_NAMES[operator] : undefined) ?? OPERATOR_NAMES[operator]
}

/** Whether `operator` takes any number of values. */
export function takesMany(operator: Operator): boolean {
  return operator === 'in' || operator === 'notIn'
}

/** Whether `text` names a field. */
export function isField(text: string): text is Field {
  return Object.hasOwn(FIELD_TABLE, text)
}
