import { useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Fact } from '../components/Fact.tsx'
import styles from '../components/records.module.css'
import { Timestamp } from '../components/Timestamp.tsx'
import { messages } from '../messages/messages.ts'
import { EVERYTHING } from '../model/filter.ts'
import { readFilterInput } from '../model/filterInput.ts'
import { printFilter } from '../model/filterText.ts'
import { formatCount } from '../model/numbers.ts'
import { CONDITION_KINDS } from '../model/ruleForm.ts'
import type { AlertRule } from './operations.ts'

interface RuleItemProps {
  rule: AlertRule
  /** Whether the viewer may change it. */
  isOwn: boolean
  /** Whether the viewer may pause and delete it although it is another's. */
  mayManage: boolean
  onEdit: () => void
  onRemove: () => void
  /** Throws an Error with a message for people. */
  onEnable: (enabled: boolean) => Promise<void>
}

/** A rule in the list, with what may be done with it. */
export function RuleItem({ rule, isOwn, mayManage, onEdit, onRemove, onEnable }: RuleItemProps) {
  const [problem, setProblem] = useState<string | null>(null)
  const words = messages.rules

  async function enable(enabled: boolean): Promise<void> {
    try {
      await onEnable(enabled)
      setProblem(null)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <li className={styles.record} data-state={rule.enabled ? 'enabled' : 'paused'}>
      <div className={styles.what}>
        <h2>
          {rule.name} <span className={styles.state}>{rule.enabled ? words.enabled : words.paused}</span>
        </h2>
        <p>{nameCondition(rule.condition)}</p>
        {rule.firingCount > 0 && <p className={styles.problem}>{words.firing(formatCount(rule.firingCount))}</p>}
      </div>
      <dl className={styles.facts}>
        <Fact name={words.facts.filter}>
          <Filter filter={rule.filter} />
        </Fact>
        {rule.groupBy !== null && <Fact name={words.facts.group}>{words.groups[rule.groupBy]}</Fact>}
        <Fact name={words.facts.channels}>
          {rule.channels.length === 0 && words.noChannels}
          {rule.channels.map(({ kind, address }) => `${words.channelKinds[kind]} ${address}`).join(', ')}
        </Fact>
        {!isOwn && <Fact name={words.facts.owner}>{rule.userId}</Fact>}
        <Fact name={words.facts.made}>
          <Timestamp at={rule.createdAt} />
        </Fact>
        {rule.stateReason !== null && <Fact name={words.facts.reason}>{rule.stateReason}</Fact>}
      </dl>
      <div className={styles.buttons}>
        {isOwn && (
          <Button onClick={onEdit} aria-label={words.editNamed(rule.name)}>
            {words.edit}
          </Button>
        )}
        {rule.enabled && (isOwn || mayManage) && (
          <Button onClick={() => void enable(false)} aria-label={`${words.pause}: ${rule.name}`}>
            {words.pause}
          </Button>
        )}
        {!rule.enabled && isOwn && (
          <Button onClick={() => void enable(true)} aria-label={`${words.enable}: ${rule.name}`}>
            {words.enable}
          </Button>
        )}
        {(isOwn || mayManage) && (
          <Button onClick={onRemove} aria-label={`${words.remove}: ${rule.name}`}>
            {words.remove}
          </Button>
        )}
      </div>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
    </li>
  )
}

function Filter({ filter }: { filter: unknown }) {
  const read = readFilterInput(filter)
  if (read === EVERYTHING) return messages.rules.everything
  return <code>{read === null ? JSON.stringify(filter) : printFilter(read)}</code>
}

function nameCondition(condition: unknown): string {
  const given = condition as Record<string, unknown>
  const kind = CONDITION_KINDS.find((each) => given[each] !== undefined && given[each] !== null)
  return kind === undefined ? '' : messages.rules.kinds[kind]
}
