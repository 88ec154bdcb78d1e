import { useState } from 'react'
import { Link } from 'wouter'
import { Button } from '../components/Button.tsx'
import { Confirmation } from '../components/Confirmation.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Notice } from '../components/Notice.tsx'
import styles from '../components/records.module.css'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { ALERTS_PATH } from '../model/paths.ts'
import { NEW_RULE, toForm, toRuleInput, type RuleForm } from '../model/ruleForm.ts'
import type { AlertRule } from './operations.ts'
import { RuleEditor } from './RuleEditor.tsx'
import { RuleItem } from './RuleItem.tsx'
import { useRules } from './useRules.ts'

// What is done with one rule; the list stays below it.
type Doing = { kind: 'create' } | { kind: 'edit' | 'remove'; rule: AlertRule }

/** The rules of alerts: list, make and change them. */
export default function RulesPage() {
  const { rules, viewer, next, error, read, create, update, remove } = useRules()
  const [doing, setDoing] = useState<Doing | null>(null)
  const words = messages.rules
  useTitle(words.pageTitle)

  if (rules === null || viewer === null) {
    if (error === null) return <Notice kind="loading" isPage title={messages.components.loading} />
    return (
      <Notice
        kind="error"
        isPage
        title={words.failed}
        action={<Button onClick={() => void read()}>{messages.components.tryAgain}</Button>}
      >
        {error}
      </Notice>
    )
  }

  async function save(form: RuleForm, replacesChannels: boolean): Promise<void> {
    const input = toRuleInput(form, Date.now())
    if (doing?.kind === 'edit') {
      // Whether it watches is kept, and so are channels that nobody typed again.
      const changed: Partial<typeof input> = { ...input }
      delete changed.enabled
      if (!replacesChannels) delete changed.channels
      await update(doing.rule.id, changed)
    } else await create(input)
    setDoing(null)
  }

  const edited = doing?.kind === 'edit' ? toForm(doing.rule) : NEW_RULE
  const mayWrite = viewer.scopes.includes('alerts:write')
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div>
          <h1>{words.title}</h1>
          <p className={styles.faint}>
            {words.hint} <Link href={ALERTS_PATH}>{messages.alerts.title}</Link>
          </p>
        </div>
        {doing === null && mayWrite && (
          <Button kind="primary" onClick={() => setDoing({ kind: 'create' })}>
            {words.create}
          </Button>
        )}
      </header>
      {error !== null && <ErrorBanner onRetry={() => void read()}>{error}</ErrorBanner>}
      {(doing?.kind === 'create' || doing?.kind === 'edit') &&
        (edited === null ? (
          <ErrorBanner>{words.notEditable}</ErrorBanner>
        ) : (
          <RuleEditor
            key={doing.kind === 'edit' ? doing.rule.id : ''}
            title={doing.kind === 'edit' ? words.editNamed(doing.rule.name) : words.create}
            rule={edited}
            keepsChannels={doing.kind === 'edit'}
            onSave={save}
            onCancel={() => setDoing(null)}
          />
        ))}
      {doing?.kind === 'remove' && (
        <Confirmation
          title={words.removeTitle(doing.rule.name)}
          action={words.removeAction}
          onConfirm={() => remove(doing.rule.id)}
          onClose={() => setDoing(null)}
        >
          {words.removeHint}
        </Confirmation>
      )}
      {rules.length === 0 ? (
        <Notice kind="empty" title={words.none}>
          {words.noneHint}
        </Notice>
      ) : (
        <ul className={styles.list} aria-label={words.title}>
          {rules.map((rule) => (
            <RuleItem
              key={rule.id}
              rule={rule}
              isOwn={mayWrite && rule.userId === viewer.userId}
              mayManage={mayWrite && viewer.scopes.includes('manage')}
              onEdit={() => setDoing({ kind: 'edit', rule })}
              onRemove={() => setDoing({ kind: 'remove', rule })}
              onEnable={(enabled) => update(rule.id, { enabled })}
            />
          ))}
        </ul>
      )}
      {next !== null && <Button onClick={() => void read(next)}>{messages.components.showMore}</Button>}
    </div>
  )
}
