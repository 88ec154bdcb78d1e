import form from '../components/form.module.css'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { isRelative } from '../model/dates.ts'
import type { Condition } from '../model/filter.ts'
import { inputTypeOf, isNumeric, takesMany, unitOf } from '../model/filterFields.ts'
import { STATUSES } from '../model/status.ts'
import styles from './ConditionEditor.module.css'

interface ValueEditorProps {
  condition: Condition
  onChange: (values: string[]) => void
}

/** The inputs for the values of a condition, by the type of its field. */
export function ValueEditor({ condition, onChange }: ValueEditorProps) {
  const { field, operator, values } = condition
  const input = inputTypeOf(field)
  const [first = '', second = ''] = values
  if (operator === 'isNull') return <NullInput value={first} onChange={onChange} />
  if (input === 'ExecutionStatusFilter') return <StatusInput values={values} onChange={onChange} />
  if (input === 'DateTimeFilter') return <DateInput value={first} onChange={(value) => onChange([value])} />
  if (input === 'TagFilter') {
    return (
      <div className={styles.pair}>
        <TextInput label="Key" value={first} onChange={(key) => onChange(second === '' ? [key] : [key, second])} />
        <TextInput
          label="Value (optional)"
          value={second}
          onChange={(value) => onChange(value === '' ? [first] : [first, value])}
        />
      </div>
    )
  }
  if (takesMany(operator)) {
    return (
      <label className={form.label}>
        Values, one per line
        <textarea
          className={form.input}
          rows={3}
          value={values.join('\n')}
          onChange={(event) => onChange(event.target.value === '' ? [] : event.target.value.split('\n'))}
        />
      </label>
    )
  }
  return (
    <TextInput
      label={unitOf(field) ?? 'Value'}
      value={first}
      isNumber={isNumeric(field)}
      onChange={(value) => onChange([value])}
    />
  )
}

interface TextInputProps {
  label: string
  value: string
  isNumber?: boolean
  onChange: (value: string) => void
}

function TextInput({ label, value, isNumber = false, onChange }: TextInputProps) {
  return (
    <label className={form.label}>
      {label}
      <input
        className={form.input}
        inputMode={isNumber ? 'decimal' : 'text'}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  )
}

function StatusInput({ values, onChange }: { values: readonly string[]; onChange: (values: string[]) => void }) {
  return (
    <fieldset style={{ border: 0, margin: 0, padding: 0 }}>
      <legend className="visually-hidden">Statuses</legend>
      {STATUSES.map((status) => (
        <label key={status} className={form.option}>
          <input
            type="checkbox"
            checked={values.includes(status)}
            onChange={(event) =>
              onChange(STATUSES.filter((each) => (each === status ? event.target.checked : values.includes(each))))
            }
          />
          <StatusBadge status={status} />
        </label>
      ))}
    </fieldset>
  )
}

function NullInput({ value, onChange }: { value: string; onChange: (values: string[]) => void }) {
  return (
    <label className={form.label}>
      Value
      <select className={form.input} value={value} onChange={(event) => onChange([event.target.value])}>
        <option value="true">is missing</option>
        <option value="false">is present</option>
      </select>
    </label>
  )
}

const AGES = ['-15m', '-1h', '-6h', '-24h', '-7d', '-30d']

function DateInput({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <>
      <div className={styles.presets} role="group" aria-label="Age">
        {AGES.map((age) => (
          <button
            key={age}
            type="button"
            className={styles.preset}
            aria-pressed={value === age}
            onClick={() => onChange(age)}
          >
            {age.slice(1)} ago
          </button>
        ))}
      </div>
      <label className={form.label}>
        or a date, in your time zone
        <input
          className={form.input}
          type="datetime-local"
          step="1"
          value={value === '' || isRelative(value) ? '' : toLocal(value)}
          onChange={(event) => onChange(event.target.value === '' ? '' : new Date(event.target.value).toISOString())}
        />
      </label>
    </>
  )
}

/** `isoDate` as `datetime-local` takes it: in the viewer's zone, without an offset. */
function toLocal(isoDate: string): string {
  const date = new Date(isoDate)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
