import type { RefObject } from 'react'
import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { messages } from '../messages/messages.ts'
import { changeAt, conjunctsOf, EVERYTHING, narrow, type Condition, type Filter, type Path } from '../model/filter.ts'
import { ConditionEditor } from './lazyEditor.ts'
import styles from './FilterBar.module.css'
import { FilterNode } from './FilterNode.tsx'
import { FilterTextInput } from './FilterTextInput.tsx'

interface FilterBarProps {
  filter: Filter
  onChange: (filter: Filter) => void
  inputRef: RefObject<HTMLInputElement | null>
}

// Most filters start with a status.
const FIRST_CONDITION: Condition = { field: 'status', operator: 'in', values: [] }

/** The filter as chips, and an input for one more condition. */
export function FilterBar({ filter, onChange, inputRef }: FilterBarProps) {
  const nodes = conjunctsOf(filter)
  const change = (path: Path, by: (node: Filter) => Filter | null): void => onChange(changeAt(filter, path, by))

  return (
    <div className={styles.bar} role="search" aria-label={messages.bar.filter}>
      {nodes.map((node, index) => (
        // A node is identified by its position alone.
        <FilterNode key={index} node={node} path={'all' in filter ? [index] : []} onChange={change} />
      ))}
      <FilterTextInput
        inputRef={inputRef}
        isFirst={nodes.length === 0}
        onAdd={(added) => onChange(narrow(filter, added))}
      />
      <Popover
        className={styles.add}
        label={
          <>
            <Icon name="plus" /> {messages.bar.filter}
          </>
        }
        align="end"
      >
        {(close) => (
          <ConditionEditor
            condition={FIRST_CONDITION}
            action={messages.bar.add}
            onDone={(condition) => {
              onChange(narrow(filter, condition))
              close()
            }}
          />
        )}
      </Popover>
      {nodes.length > 0 && (
        <Button kind="quiet" onClick={() => onChange(EVERYTHING)}>
          {messages.bar.clear}
        </Button>
      )}
    </div>
  )
}
