import type { InputFieldName, NestedInputs } from '../graphql/schemaTypes.ts'
import { messages } from '../messages/messages.ts'

// The fields and operators of the filter editor are those of `schema.graphql`: what the schema has and these tables do not,
// or the other way round, does not compile. The order in the menus is the dashboard's own.

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

// In the order of the editor's menu.
const INPUTS: { [Name in Field]: FilterFields[Name] } = {
  status: 'ExecutionStatusFilter',
  workflowName: 'StringFilter',
  createdAt: 'DateTimeFilter',
  startedAt: 'DateTimeFilter',
  completedAt: 'DateTimeFilter',
  updatedAt: 'DateTimeFilter',
  durationSeconds: 'FloatFilter',
  totalCost: 'FloatFilter',
  tokens: 'BigIntFilter',
  // Deprecated, and kept for links.
  tokensUsed: 'IntFilter',
  errorMessage: 'StringFilter',
  errorCode: 'IdFilter',
  // For links: nobody types the id of a group.
  errorGroup: 'ErrorGroupFilter',
  tags: 'TagFilter',
  triggeredBy: 'StringFilter',
  userId: 'IdFilter',
  executionId: 'IdFilter',
  workflowTemplateId: 'IdFilter',
  parentExecutionId: 'IdFilter',
  sessionId: 'IdFilter',
}

/** All fields, in the order of the editor's menu. */
export const FIELDS = (Object.keys(INPUTS) as Field[]).filter(
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

/** The title of `field`. */
export function nameField(field: Field): string {
  return messages.model.fields[field]
}

/** The input type of `field` in the schema. */
export function inputTypeOf(field: Field): InputType {
  return INPUTS[field]
}

/** The unit of the values of `field`, such as `Seconds`; undefined for those without one. */
export function unitOf(field: Field): string | undefined {
  const { seconds, dollars } = messages.model.units
  if (field === 'durationSeconds') return seconds
  return field === 'totalCost' ? dollars : undefined
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
  const { operators, dateOperators } = messages.model
  const isDate = inputTypeOf(field) === 'DateTimeFilter'
  return isDate && isDateOperator(operator) ? dateOperators[operator] : operators[operator]
}

function isDateOperator(operator: Operator): operator is 'gt' | 'gte' | 'lt' | 'lte' {
  return operator === 'gt' || operator === 'gte' || operator === 'lt' || operator === 'lte'
}

/** Whether `operator` takes any number of values. */
export function takesMany(operator: Operator): boolean {
  return operator === 'in' || operator === 'notIn'
}

/** Whether `text` is the name of a field. */
export function isField(text: string): text is Field {
  return Object.hasOwn(INPUTS, text)
}
