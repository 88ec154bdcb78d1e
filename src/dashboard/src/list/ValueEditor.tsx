import { kindOf, takesMany } from '../model/filterFields.ts'
import type { Condition } from '../model/filter.ts'
import { isRelative } from '../model/dates.ts'
import { STATUSES } from '../model/status.ts'
import form from '../components/form.module.css'
import { StatusBadge } from '../components/StatusBadge.tsx'
import styles from './ConditionEditor.module.css'

interface ValueEditorProps {
  condition: Condition
  onChange: (values: string[]) => void
}

/** What a field is compared with, in the form that suits the field. */
export function ValueEditor({ condition, onChange }: ValueEditorProps) {
  const { field, operator, values } = condition
  const kind = kindOf(field)
  const [first = '', second = ''] = values
  if (operator === 'isNull') return <Missing value={first} onChange={onChange} />
  if (kind === 'status') return <Statuses values={values} onChange={onChange} />
  if (kind === 'moment') return <Instant value={first} onChange={(value) => onChange([value])} />
  if (kind === 'tag') {
    return (
      <div className={styles.pair}>
        <Text label="Key" value={first} onChange={(key) => onChange(second === '' ? [key] : [key, second])} />
        <Text
          label="Value (any)"
          value={second}
          onChange={(value) => onChange(value === '' ? [first] : [first, value])}
        />
      </div>
    )
  }
  if (takesMany(operator)) {
    return (
      <label className={form.label}>
        Values, one a line
        <textarea
          className={form.input}
          rows={3}
          value={values.join('\n')}
          onChange={(event) => onChange(event.target.value === '' ? [] : event.target.value.split('\n'))}
        />
      </label>
    )
  }
  const isNumber = kind === 'number' || kind === 'count'
  const label = field === 'durationSeconds' ? 'Seconds' : field === 'totalCost' ? 'Dollars' : 'Value'
  return <Text label={label} value={first} isNumber={isNumber} onChange={(value) => onChange([value])} />
}

interface TextProps {
  label: string
  value: string
  isNumber?: boolean
  onChange: (value: string) => void
}

function Text({ label, value, isNumber = false, onChange }: TextProps) {
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

function Statuses({ values, onChange }: { values: readonly string[]; onChange: (values: string[]) => void }) {
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

function Missing({ value, onChange }: { value: string; onChange: (values: string[]) => void }) {
  return (
    <label className={form.label}>
      Value
      <select className={form.input} value={value} onChange={(event) => onChange([event.target.value])}>
        <option value="true">is missing</option>
        <option value="false">is there</option>
      </select>
    </label>
  )
}

const AGES = ['-15m', '-1h', '-6h', '-24h', '-7d', '-30d']

function Instant({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <>
      <div className={styles.presets} role="group" aria-label="How long ago">
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
        or at, in your time zone
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

/** An instant as `datetime-local` takes it: in the viewer's zone, without an offset. */
function toLocal(instant: string): string {
  const date = new Date(instant)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
