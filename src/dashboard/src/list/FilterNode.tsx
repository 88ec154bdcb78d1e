import { describe, isCondition, partsOf, type Condition, type Filter, type Path } from '../model/filter.ts'
import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { ConditionEditor } from './ConditionEditor.tsx'
import styles from './FilterBar.module.css'

interface FilterNodeProps {
  part: Filter
  path: Path
  onChange: (path: Path, by: (part: Filter) => Filter | null) => void
}

const EMPTY: Condition = { field: 'workflowName', operator: 'contains', values: [] }

/** A chip for a condition; chips within a frame for a group. */
export function FilterNode({ part, path, onChange }: FilterNodeProps) {
  if (isCondition(part)) return <Chip condition={part} path={path} onChange={onChange} />
  if ('not' in part) {
    return (
      <span className={styles.group}>
        <span className={styles.joint}>not</span>
        <FilterNode part={part.not} path={[...path, 0]} onChange={onChange} />
        <Remove name="this negation" onClick={() => onChange(path, () => part.not)} />
      </span>
    )
  }
  const isAny = 'any' in part
  return (
    <span className={styles.group}>
      {partsOf(part).map((each, index) => (
        // Parts have no identity but their place.
        <span key={index} className={styles.member}>
          {index > 0 && <span className={styles.joint}>{isAny ? 'or' : 'and'}</span>}
          <FilterNode part={each} path={[...path, index]} onChange={onChange} />
        </span>
      ))}
      <Popover className={styles.joint} label={isAny ? '+ or' : '+ and'}>
        {(close) => (
          <ConditionEditor
            condition={EMPTY}
            action="Add"
            onDone={(condition) => {
              const more = [...partsOf(part), condition]
              onChange(path, () => (isAny ? { any: more } : { all: more }))
              close()
            }}
          />
        )}
      </Popover>
      <Remove name="this group" onClick={() => onChange(path, () => null)} />
    </span>
  )
}

function Chip({ condition, path, onChange }: { condition: Condition } & Omit<FilterNodeProps, 'part'>) {
  const words = describe(condition)
  const name = [words.field, words.operator, words.value].filter((word) => word !== '').join(' ')

  return (
    <span className={styles.chip}>
      <Popover
        className={styles.words}
        name={`${name}: change`}
        label={
          <>
            <span className={styles.field}>{words.field}</span> {words.operator} <strong>{words.value}</strong>
          </>
        }
      >
        {(close) => (
          <>
            <ConditionEditor
              condition={condition}
              action="Apply"
              onDone={(changed) => {
                onChange(path, () => changed)
                close()
              }}
            />
            <Combining condition={condition} path={path} onChange={onChange} close={close} />
          </>
        )}
      </Popover>
      <Remove name={name} onClick={() => onChange(path, () => null)} />
    </span>
  )
}

interface CombiningProps extends Omit<FilterNodeProps, 'part'> {
  condition: Condition
  close: () => void
}

/** Ways to make more of one condition: an alternative to it, or its opposite. */
function Combining({ condition, path, onChange, close }: CombiningProps) {
  return (
    <div className={styles.combining}>
      <Popover className={styles.link} label="Or …">
        {() => (
          <ConditionEditor
            condition={EMPTY}
            action="Add alternative"
            onDone={(other) => {
              onChange(path, () => ({ any: [condition, other] }))
              close()
            }}
          />
        )}
      </Popover>
      <Popover className={styles.link} label="And …">
        {() => (
          <ConditionEditor
            condition={EMPTY}
            action="Add condition"
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
          onChange(path, (part) => ({ not: part }))
          close()
        }}
      >
        Negate
      </Button>
    </div>
  )
}

function Remove({ name, onClick }: { name: string; onClick: () => void }) {
  return (
    <button type="button" className={styles.remove} aria-label={`Remove ${name}`} onClick={onClick}>
      <Icon name="close" />
    </button>
  )
}
