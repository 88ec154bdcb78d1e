import form from '../components/form.module.css'
import { messages } from '../messages/messages.ts'
import type { RuleForm } from '../model/ruleForm.ts'

interface NumberFieldProps {
  label: string
  value: string
  onChange: (value: string) => void
  isRequired?: boolean
}

/** A field for a number, which may be empty unless it is required. */
export function NumberField({ label, value, onChange, isRequired = false }: NumberFieldProps) {
  return (
    <label className={form.label}>
      {label}
      <input
        className={form.input}
        type="number"
        min="0"
        step="any"
        value={value}
        required={isRequired}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  )
}

type NumberName =
  | 'countAbove'
  | 'graceMinutes'
  | 'longerThanSeconds'
  | 'minimumEnded'
  | 'sharePercent'
  | 'silentMinutes'
  | 'sumAbove'
  | 'windowMinutes'

interface ConditionFieldsProps {
  rule: RuleForm
  change: (changes: Partial<RuleForm>) => void
}

/** The numbers of the condition of a rule. */
export function ConditionFields({ rule, change }: ConditionFieldsProps) {
  const words = messages.rules
  const number = (label: string, name: NumberName, isRequired = false) => (
    <NumberField
      key={name}
      label={label}
      value={rule[name]}
      isRequired={isRequired}
      onChange={(value) => change({ [name]: value })}
    />
  )
  switch (rule.kind) {
    case 'event':
      return null
    case 'rate':
      return (
        <>
          {number(words.sharePercent, 'sharePercent')}
          {number(words.countAbove, 'countAbove')}
          {number(words.windowMinutes, 'windowMinutes', true)}
          {number(words.minimumEnded, 'minimumEnded', true)}
        </>
      )
    case 'duration':
      return (
        <>
          {number(words.longerThanSeconds, 'longerThanSeconds')}
          <label className={form.label}>
            {words.longerThanPercentile}
            <select
              className={form.input}
              value={rule.longerThanPercentile}
              onChange={(event) => change({ longerThanPercentile: event.target.value })}
            >
              <option value="">{words.noPercentile}</option>
              <option value="95">p95</option>
              <option value="99">p99</option>
            </select>
          </label>
        </>
      )
    case 'silence':
      return (
        <>
          {rule.cron === '' && number(words.silentMinutes, 'silentMinutes', true)}
          <label className={form.label}>
            {words.cron}
            <input
              className={form.input}
              value={rule.cron}
              placeholder="0 6 * * 1-5"
              spellCheck={false}
              onChange={(event) => change({ cron: event.target.value })}
            />
          </label>
          {rule.cron !== '' && (
            <>
              <label className={form.label}>
                {words.timeZone}
                <input
                  className={form.input}
                  value={rule.timeZone}
                  required
                  spellCheck={false}
                  onChange={(event) => change({ timeZone: event.target.value })}
                />
              </label>
              {number(words.graceMinutes, 'graceMinutes', true)}
            </>
          )}
        </>
      )
    case 'sum':
      return (
        <>
          <label className={form.label}>
            {words.measure}
            <select
              className={form.input}
              value={rule.measure}
              onChange={(event) => change({ measure: event.target.value === 'TOKENS' ? 'TOKENS' : 'COST' })}
            >
              <option value="COST">{words.measures.COST}</option>
              <option value="TOKENS">{words.measures.TOKENS}</option>
            </select>
          </label>
          {number(words.sumAbove, 'sumAbove', true)}
          {number(words.windowMinutes, 'windowMinutes', true)}
        </>
      )
  }
}
