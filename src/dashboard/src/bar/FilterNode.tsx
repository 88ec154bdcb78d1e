import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { childrenOf, describeCondition, isCondition, type Condition, type Filter, type Path } from '../model/filter.ts'
import { ConditionEditor } from './lazyEditor.ts'
import styles from './FilterBar.module.css'

interface FilterNodeProps {
  node: Filter
  path: Path
  onChange: (path: Path, by: (node: Filter) => Filter | null) => void
}

const EMPTY: Condition = { field: 'workflowName', operator: 'contains', values: [] }

/** A filter as chips: one for a condition, a frame around those of a group. */
export function FilterNode({ node, path, onChange }: FilterNodeProps) {
  if (isCondition(node)) return <Chip condition={node} path={path} onChange={onChange} />
  if ('not' in node) {
    return (
      <span className={styles.group}>
        <span className={styles.operator}>{messages.bar.not}</span>
        <FilterNode node={node.not} path={[...path, 0]} onChange={onChange} />
        <RemoveButton name={messages.bar.thisNegation} onClick={() => onChange(path, () => node.not)} />
      </span>
    )
  }
  const isAny = 'any' in node
  return (
    <span className={styles.group}>
      {childrenOf(node).map((child, index) => (
        // A node is identified by its position alone.
        <span key={index} className={styles.member}>
          {index > 0 && <span className={styles.operator}>{isAny ? messages.bar.or : messages.bar.and}</span>}
          <FilterNode node={child} path={[...path, index]} onChange={onChange} />
        </span>
      ))}
      <Popover className={styles.operator} label={isAny ? messages.bar.addOr : messages.bar.addAnd}>
        {(close) => (
          <ConditionEditor
            condition={EMPTY}
            action={messages.bar.add}
            onDone={(condition) => {
              const children = [...childrenOf(node), condition]
              onChange(path, () => (isAny ? { any: children } : { all: children }))
              close()
            }}
          />
        )}
      </Popover>
      <RemoveButton name={messages.bar.thisGroup} onClick={() => onChange(path, () => null)} />
    </span>
  )
}

function Chip({ condition, path, onChange }: { condition: Condition } & Omit<FilterNodeProps, 'node'>) {
  const { field, operator, value } = describeCondition(condition, useZone())
  const name = [field, operator, value].filter((word) => word !== '').join(' ')

  return (
    <span className={styles.chip}>
      <Popover
        className={styles.label}
        name={messages.bar.edit(name)}
        label={
          <>
            <span className={styles.field}>{field}</span> {operator} <strong>{value}</strong>
          </>
        }
      >
        {(close) => (
          <>
            <ConditionEditor
              condition={condition}
              action={messages.bar.apply}
              onDone={(changed) => {
                onChange(path, () => changed)
                close()
              }}
            />
            <Combine condition={condition} path={path} onChange={onChange} close={close} />
          </>
        )}
      </Popover>
      <RemoveButton name={name} onClick={() => onChange(path, () => null)} />
    </span>
  )
}

interface CombineProps extends Omit<FilterNodeProps, 'node'> {
  condition: Condition
  close: () => void
}

/** Buttons that extend one condition: with an alternative, with another condition, or to its opposite. */
function Combine({ condition, path, onChange, close }: CombineProps) {
  return (
    <div className={styles.combine}>
      <Popover className={styles.link} label={messages.bar.orMore}>
        {() => (
          <ConditionEditor
            condition={EMPTY}
            action={messages.bar.addAlternative}
            onDone={(other) => {
              onChange(path, () => ({ any: [condition, other] }))
              close()
            }}
          />
        )}
      </Popover>
      <Popover className={styles.link} label={messages.bar.andMore}>
        {() => (
          <ConditionEditor
            condition={EMPTY}
            action={messages.bar.addCondition}
            onDone={(other) => {
              onChange(path, () => ({ all: [condition, other] }))
              close()
            }}
          />
        )}
      </Popover>
      <Button
        kind="quiet"
        onClick={() => {
          onChange(path, (node) => ({ not: node }))
          close()
        }}
      >
        {messages.bar.negate}
      </Button>
    </div>
  )
}

function RemoveButton({ name, onClick }: { name: string; onClick: () => void }) {
  return (
    <button type="button" className={styles.remove} aria-label={messages.bar.remove(name)} onClick={onClick}>
      <Icon name="close" />
    </button>
  )
}
