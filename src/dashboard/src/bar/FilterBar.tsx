import { useState, type RefObject, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { messages } from '../messages/messages.ts'
import { changeAt, conjunctsOf, EVERYTHING, narrow, type Condition, type Filter, type Path } from '../model/filter.ts'
import { parseFilter, FilterSyntaxError } from '../model/filterText.ts'
import { ConditionEditor } from './lazyEditor.ts'
import styles from './FilterBar.module.css'
import { FilterNode } from './FilterNode.tsx'

interface FilterBarProps {
  filter: Filter
  onChange: (filter: Filter) => void
  inputRef: RefObject<HTMLInputElement | null>
}

// Most filters start with a status.
const FIRST_CONDITION: Condition = { field: 'status', operator: 'in', values: [] }

/** The filter as chips, and an input: plain text searches workflow names, `status:in(FAILED)` is a filter. */
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

interface FilterTextInputProps {
  inputRef: RefObject<HTMLInputElement | null>
  isFirst: boolean
  onAdd: (filter: Filter) => void
}

function FilterTextInput({ inputRef, isFirst, onAdd }: FilterTextInputProps) {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string | null>(null)

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (text.trim() === '') return
    try {
      onAdd(parseInput(text.trim()))
      setText('')
    } catch (error) {
      if (!(error instanceof FilterSyntaxError)) throw error
      setProblem(error.message)
    }
  }

  return (
    <form className={styles.search} onSubmit={submit}>
      <Icon name="search" />
      <input
        ref={inputRef}
        value={text}
        aria-label={messages.bar.search}
        placeholder={isFirst ? messages.bar.searchFirst : messages.bar.searchNext}
        title={messages.bar.searchHint}
        aria-invalid={problem !== null}
        onChange={(event) => {
          setText(event.target.value)
          setProblem(null)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur()
        }}
      />
      {isFirst && text === '' && (
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

function parseInput(text: string): Filter {
  if (/\w:\w+\(|^(any|all|not)\(/.test(text)) return parseFilter(text)
  return { field: 'workflowName', operator: 'contains', values: [text] }
}
