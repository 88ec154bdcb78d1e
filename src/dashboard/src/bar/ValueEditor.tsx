import form from '../components/form.module.css'
import { StatusBadge } from '../components/StatusBadge.tsx'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import type { Condition } from '../model/filter.ts'
import { inputTypeOf, isNumeric, takesMany, unitOf } from '../model/filterFields.ts'
import { STATUSES } from '../model/status.ts'
import { printLocal, readLocal } from '../model/timeRange.ts'
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
        <TextInput
          label={messages.bar.key}
          value={first}
          onChange={(key) => onChange(second === '' ? [key] : [key, second])}
        />
        <TextInput
          label={messages.bar.optionalValue}
          value={second}
          onChange={(value) => onChange(value === '' ? [first] : [first, value])}
        />
      </div>
    )
  }
  if (takesMany(operator)) {
    return (
      <label className={form.label}>
        {messages.bar.values}
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
      label={unitOf(field) ?? messages.bar.value}
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
      <legend className="visually-hidden">{messages.bar.statuses}</legend>
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
      {messages.bar.value}
      <select className={form.input} value={value} onChange={(event) => onChange([event.target.value])}>
        <option value="true">{messages.bar.isMissing}</option>
        <option value="false">{messages.bar.isPresent}</option>
      </select>
    </label>
  )
}

const AGES = ['-15m', '-1h', '-6h', '-24h', '-7d', '-30d']

function DateInput({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const zone = useZone()
  return (
    <>
      <div className={styles.presets} role="group" aria-label={messages.bar.age}>
        {AGES.map((age) => (
          <button
            key={age}
            type="button"
            className={styles.preset}
            aria-pressed={value === age}
            onClick={() => onChange(age)}
          >
            {messages.bar.ago(age.slice(1))}
          </button>
        ))}
      </div>
      <label className={form.label}>
        {messages.bar.orDate(zone ?? messages.bar.yourZone)}
        <input
          className={form.input}
          type="datetime-local"
          step="1"
          value={printLocal(value, zone)}
          onChange={(event) => onChange(readLocal(event.target.value, zone) ?? '')}
        />
      </label>
    </>
  )
}
