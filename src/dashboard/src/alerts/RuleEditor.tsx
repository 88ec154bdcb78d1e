import { useId, useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import { FilterField } from '../components/FilterField.tsx'
import form from '../components/form.module.css'
import styles from '../components/records.module.css'
import { messages } from '../messages/messages.ts'
import type { Filter } from '../model/filter.ts'
import { CONDITION_KINDS, GROUP_FIELDS, type RuleForm } from '../model/ruleForm.ts'
import { ChannelFields } from './ChannelFields.tsx'
import { ConditionFields, NumberField } from './ConditionFields.tsx'
import { RulePreview } from './RulePreview.tsx'

interface RuleEditorProps {
  title: string
  rule: RuleForm
  /** Whether there are channels already, which stay unless they are replaced. */
  keepsChannels: boolean
  /** Saves it; throws an Error with a message for people. */
  onSave: (rule: RuleForm, replacesChannels: boolean) => Promise<void>
  onCancel: () => void
}

/** A form to make or change a rule. */
export function RuleEditor({ title, rule: initial, keepsChannels, onSave, onCancel }: RuleEditorProps) {
  const [rule, setRule] = useState(initial)
  const [unread, setUnread] = useState<readonly string[]>([])
  const [replaces, setReplaces] = useState(!keepsChannels)
  const [problem, setProblem] = useState<string | null>(null)
  const [isSending, setSending] = useState(false)
  const id = useId()
  const words = messages.rules
  const change = (changes: Partial<RuleForm>): void => setRule((before) => ({ ...before, ...changes }))

  function changeFilter(name: 'filter' | 'match', filter: Filter | null): void {
    setUnread((before) => (filter === null ? [...before, name] : before.filter((each) => each !== name)))
    if (filter !== null) change({ [name]: filter })
  }

  async function send(): Promise<void> {
    setSending(true)
    setProblem(null)
    try {
      await onSave(rule, replaces)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setSending(false)
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (unread.length === 0) void send()
  }

  return (
    <form className={styles.card} onSubmit={submit} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <label className={form.label}>
        {words.name}
        <input
          className={form.input}
          value={rule.name}
          required
          autoFocus
          maxLength={100}
          autoComplete="off"
          placeholder={words.namePlaceholder}
          onChange={(event) => change({ name: event.target.value })}
        />
      </label>
      <FilterField
        label={words.facts.filter}
        filter={initial.filter}
        onChange={(filter) => changeFilter('filter', filter)}
      />
      <label className={form.label}>
        {words.when}
        <select
          className={form.input}
          value={rule.kind}
          onChange={(event) => change({ kind: CONDITION_KINDS.find((each) => each === event.target.value) ?? 'rate' })}
        >
          {CONDITION_KINDS.map((each) => (
            <option key={each} value={each}>
              {words.kinds[each]}
            </option>
          ))}
        </select>
      </label>
      {(rule.kind === 'event' || rule.kind === 'rate') && (
        <FilterField label={words.match} filter={initial.match} onChange={(filter) => changeFilter('match', filter)} />
      )}
      <div className={styles.fields}>
        <ConditionFields rule={rule} change={change} />
        <label className={form.label}>
          {words.groupBy}
          <select
            className={form.input}
            value={rule.groupBy ?? ''}
            onChange={(event) => change({ groupBy: GROUP_FIELDS.find((each) => each === event.target.value) ?? null })}
          >
            <option value="">{words.oneAlert}</option>
            {GROUP_FIELDS.map((each) => (
              <option key={each} value={each}>
                {words.groups[each]}
              </option>
            ))}
          </select>
        </label>
        <NumberField
          label={words.forMinutes}
          value={rule.forMinutes}
          onChange={(forMinutes) => change({ forMinutes })}
        />
        <NumberField
          label={words.repeatMinutes}
          value={rule.repeatMinutes}
          onChange={(repeatMinutes) => change({ repeatMinutes })}
        />
      </div>
      {keepsChannels && (
        <label className={styles.scope}>
          <input type="checkbox" checked={replaces} onChange={(event) => setReplaces(event.target.checked)} />
          {words.replaceChannels}
        </label>
      )}
      {replaces && <ChannelFields channels={rule.channels} onChange={(channels) => change({ channels })} />}
      <RulePreview rule={rule} isUnread={unread.length > 0} />
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <Button kind="primary" type="submit" disabled={isSending}>
          {messages.components.save}
        </Button>
        <Button onClick={onCancel}>{messages.components.cancel}</Button>
      </div>
    </form>
  )
}
