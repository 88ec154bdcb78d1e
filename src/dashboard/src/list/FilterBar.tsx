import { useState, type RefObject, type SyntheticEvent } from 'react'
import { changeAt, conjunctsOf, EVERYTHING, narrow, type Condition, type Filter, type Path } from '../model/filter.ts'
import { parseFilter, UnreadableFilter } from '../model/filterText.ts'
import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { ConditionEditor } from './ConditionEditor.tsx'
import styles from './FilterBar.module.css'
import { FilterNode } from './FilterNode.tsx'

interface FilterBarProps {
  filter: Filter
  onChange: (filter: Filter) => void
  inputRef: RefObject<HTMLInputElement | null>
}

// What a first condition usually is about.
const FIRST: Condition = { field: 'status', operator: 'in', values: [] }

/** The filter as chips, and a place to type: plain text is looked for in workflow names. */
export function FilterBar({ filter, onChange, inputRef }: FilterBarProps) {
  const parts = conjunctsOf(filter)
  const change = (path: Path, by: (part: Filter) => Filter | null): void => onChange(changeAt(filter, path, by))

  return (
    <div className={styles.bar} role="search" aria-label="Filter">
      {parts.map((part, index) => (
        // Parts have no identity but their place.
        <FilterNode key={index} part={part} path={'all' in filter ? [index] : []} onChange={change} />
      ))}
      <Typing inputRef={inputRef} hasParts={parts.length > 0} onAdd={(part) => onChange(narrow(filter, part))} />
      <Popover
        className={styles.add}
        label={
          <>
            <Icon name="plus" /> Filter
          </>
        }
        align="end"
      >
        {(close) => (
          <ConditionEditor
            condition={FIRST}
            action="Add"
            onDone={(condition) => {
              onChange(narrow(filter, condition))
              close()
            }}
          />
        )}
      </Popover>
      {parts.length > 0 && (
        <Button kind="quiet" onClick={() => onChange(EVERYTHING)}>
          Clear
        </Button>
      )}
    </div>
  )
}

interface TypingProps {
  inputRef: RefObject<HTMLInputElement | null>
  hasParts: boolean
  onAdd: (part: Filter) => void
}

function Typing({ inputRef, hasParts, onAdd }: TypingProps) {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string | null>(null)

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (text.trim() === '') return
    try {
      onAdd(readTyped(text.trim()))
      setText('')
    } catch (error) {
      if (!(error instanceof UnreadableFilter)) throw error
      setProblem(error.message)
    }
  }

  return (
    <form className={styles.typing} onSubmit={submit}>
      <Icon name="search" />
      <input
        ref={inputRef}
        value={text}
        aria-label="Find workflows, or type a filter"
        placeholder={hasParts ? 'and …' : 'Find workflows …'}
        title="Text is looked for in workflow names; status:in(FAILED) and the like are filters"
        aria-invalid={problem !== null}
        onChange={(event) => {
          setText(event.target.value)
          setProblem(null)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur()
        }}
      />
      {!hasParts && text === '' && (
        <kbd className={styles.key} aria-hidden="true">
          /
        </kbd>
      )}
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
    </form>
  )
}

function readTyped(text: string): Filter {
  if (/\w:\w+\(|^(any|all|not)\(/.test(text)) return parseFilter(text)
  return { field: 'workflowName', operator: 'contains', values: [text] }
}
