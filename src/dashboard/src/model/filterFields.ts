import type { InputFieldName, NestedInputs } from '../graphql/schemaTypes.ts'

// The fields and operators of the filter editor are those of `schema.graphql`: what the schema has and these tables do not,
// or the other way round, does not compile. Titles and the order in the menus are the dashboard's own.

type FilterFields = Omit<NestedInputs<'ExecutionFilter'>, 'not'>

/** A field of `ExecutionFilter`. */
export type Field = keyof FilterFields

/** The input type of a field, such as `StringFilter`. */
export type InputType = FilterFields[Field]

// A tag has no operators in the schema: it is found by its key and, where given, its value.
// Dates that are relative to now are the editor's own: it counts them back when it sends a request.
type OperatorOf<Input extends InputType> = Input extends 'TagFilter'
  ? 'has'
  : Exclude<InputFieldName<Input>, 'withinSeconds'>

/** An operator of any field. */
export type Operator = { [Input in InputType]: OperatorOf<Input> }[InputType]

interface FieldInfo<Input extends InputType = InputType> {
  title: string
  input: Input
  /** The unit of its values, in words. */
  unit?: string
}

const FIELD_TABLE: { [Name in Field]: FieldInfo<FilterFields[Name]> } = {
  status: { title: 'Status', input: 'ExecutionStatusFilter' },
  workflowName: { title: 'Workflow', input: 'StringFilter' },
  createdAt: { title: 'Created', input: 'DateTimeFilter' },
  startedAt: { title: 'Started', input: 'DateTimeFilter' },
  completedAt: { title: 'Completed', input: 'DateTimeFilter' },
  updatedAt: { title: 'Updated', input: 'DateTimeFilter' },
  durationSeconds: { title: 'Duration', input: 'FloatFilter', unit: 'Seconds' },
  totalCost: { title: 'Cost', input: 'FloatFilter', unit: 'Dollars' },
  tokens: { title: 'Tokens', input: 'BigIntFilter' },
  // Deprecated, and kept for links.
  tokensUsed: { title: 'Tokens', input: 'IntFilter' },
  errorMessage: { title: 'Error message', input: 'StringFilter' },
  errorCode: { title: 'Error code', input: 'IdFilter' },
  // For links: nobody types the id of a group.
  errorGroup: { title: 'Error group', input: 'ErrorGroupFilter' },
  tags: { title: 'Tag', input: 'TagFilter' },
  triggeredBy: { title: 'Started by', input: 'StringFilter' },
  userId: { title: 'Owner', input: 'IdFilter' },
  executionId: { title: 'Execution ID', input: 'IdFilter' },
  workflowTemplateId: { title: 'Template', input: 'IdFilter' },
  parentExecutionId: { title: 'Parent', input: 'IdFilter' },
  sessionId: { title: 'Session', input: 'IdFilter' },
}

/** All fields, in the order of the editor's menu. */
export const FIELDS = (Object.keys(FIELD_TABLE) as Field[]).filter(
  (field) => field !== 'tokensUsed' && field !== 'errorGroup',
)

// The usual operator comes first.
const OPERATORS: { [Input in InputType]: readonly OperatorOf<Input>[] } = {
  ExecutionStatusFilter: ['in', 'notIn'],
  StringFilter: ['contains', 'startsWith', 'eq', 'in', 'notIn', 'isNull'],
  IdFilter: ['eq', 'in', 'notIn', 'isNull'],
  DateTimeFilter: ['gte', 'lt', 'gt', 'lte', 'isNull'],
  FloatFilter: ['gte', 'lte', 'gt', 'lt', 'isNull'],
  IntFilter: ['gte', 'lte', 'gt', 'lt', 'eq'],
  BigIntFilter: ['gte', 'lte', 'gt', 'lt', 'eq'],
  TagFilter: ['has'],
  ErrorGroupFilter: ['eq', 'in'],
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

const DATE_OPERATOR_NAMES: Partial<Record<Operator, string>> = { gt: 'after', gte: 'since', lt: 'before', lte: 'until' }

/** The title of `field`. */
export function nameField(field: Field): string {
  return FIELD_TABLE[field].title
}

/** The input type of `field` in the schema. */
export function inputTypeOf(field: Field): InputType {
  return FIELD_TABLE[field].input
}

/** The unit of the values of `field`, such as `Seconds`; undefined for those without one. */
export function unitOf(field: Field): string | undefined {
  return FIELD_TABLE[field].unit
}

/** Whether the values of `field` are numbers. */
export function isNumeric(field: Field): boolean {
  const input = inputTypeOf(field)
  return input === 'FloatFilter' || input === 'IntFilter' || input === 'BigIntFilter'
}

/** The operators that `field` takes, the usual one first. */
export function operatorsOf(field: Field): readonly Operator[] {
  return OPERATORS[inputTypeOf(field)]
}

/** The words for `operator` after the title of `field`: `at least`, or `since` for a date. */
export function nameOperator(field: Field, operator: Operator): string {
  return (
    (inputTypeOf(field) === 'DateTimeFilter' ? DATE_OPERATOR_NAMES[operator] : undefined) ?? OPERATOR_NAMES[operator]
  )
}

/** Whether `operator` takes any number of values. */
export function takesMany(operator: Operator): boolean {
  return operator === 'in' || operator === 'notIn'
}

/** Whether `text` is the name of a field. */
export function isField(text: string): text is Field {
  return Object.hasOwn(FIELD_TABLE, text)
}
