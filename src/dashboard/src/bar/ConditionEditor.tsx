import { useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { messages } from '../messages/messages.ts'
import { findProblem, type Condition } from '../model/filter.ts'
import {
  FIELDS,
  isField,
  nameField,
  nameOperator,
  operatorsOf,
  takesMany,
  type Field,
  type Operator,
} from '../model/filterFields.ts'
import styles from './ConditionEditor.module.css'
import { ValueEditor } from './ValueEditor.tsx'

interface ConditionEditorProps {
  condition: Condition
  /** The text of the submit button. */
  action: string
  onDone: (condition: Condition) => void
}

/** A form for one condition: field, operator and values. */
export default function ConditionEditor({ condition, action, onDone }: ConditionEditorProps) {
  const [draft, setDraft] = useState(condition)
  const [problem, setProblem] = useState<string | null>(null)
  const change = (next: Condition): void => {
    setDraft(next)
    setProblem(null)
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    const found = findProblem(draft)
    setProblem(found)
    if (found === null) onDone(draft)
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      <label className={form.label}>
        {messages.bar.field}
        <select
          className={form.input}
          value={draft.field}
          onChange={(event) => isField(event.target.value) && change(createCondition(event.target.value))}
        >
          {FIELDS.map((field) => (
            <option key={field} value={field}>
              {nameField(field)}
            </option>
          ))}
        </select>
      </label>
      {operatorsOf(draft.field).length > 1 && (
        <label className={form.label}>
          {messages.bar.condition}
          <select
            className={form.input}
            value={draft.operator}
            onChange={(event) => change(withOperator(draft, event.target.value as Operator))}
          >
            {operatorsOf(draft.field).map((operator) => (
              <option key={operator} value={operator}>
                {nameOperator(draft.field, operator)}
              </option>
            ))}
          </select>
        </label>
      )}
      <ValueEditor condition={draft} onChange={(values) => change({ ...draft, values })} />
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      <Button kind="primary" type="submit">
        {action}
      </Button>
    </form>
  )
}

function createCondition(field: Field): Condition {
  const [operator = 'eq'] = operatorsOf(field)
  return { field, operator, values: [] }
}

function withOperator(draft: Condition, operator: Operator): Condition {
  if (operator === 'isNull') return { ...draft, operator, values: ['true'] }
  const values = draft.operator === 'isNull' ? [] : draft.values
  return { ...draft, operator, values: takesMany(operator) ? values : values.slice(0, 1) }
}
