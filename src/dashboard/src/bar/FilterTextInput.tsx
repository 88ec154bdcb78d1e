import { useId, useState, type KeyboardEvent, type RefObject, type SyntheticEvent } from 'react'
import { Icon } from '../components/Icon.tsx'
import { useWorkflowNames } from '../graphql/useWorkflowNames.ts'
import { messages } from '../messages/messages.ts'
import type { Filter } from '../model/filter.ts'
import { FilterSyntaxError, isFilterText, parseFilter } from '../model/filterText.ts'
import { searchNames } from '../model/nameSearch.ts'
import styles from './FilterBar.module.css'

interface FilterTextInputProps {
  inputRef: RefObject<HTMLInputElement | null>
  isFirst: boolean
  onAdd: (filter: Filter) => void
}

// More are found by typing more.
const MOST = 8

/**
 * An input that completes names of workflows: plain text searches them, `status:in(FAILED)` is a filter.
 *
 * A combobox of the ARIA authoring practices: arrows move in the list below while the focus stays in the input, Enter
 * takes the name that they have led to, or the text as it is, and Escape closes the list.
 */
export function FilterTextInput({ inputRef, isFirst, onAdd }: FilterTextInputProps) {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const [isListed, setListed] = useState(false)
  // The name that keys have led to.
  const [reached, setReached] = useState<string | null>(null)
  const id = useId()
  const typed = text.trim()
  const isPlain = typed !== '' && !isFilterText(typed)
  const known = useWorkflowNames(isPlain ? typed : '', isPlain)
  const found = isPlain ? searchNames(known, typed, (name) => [name]).slice(0, MOST) : []
  const names = isListed ? found : []
  const at = reached === null ? -1 : names.indexOf(reached)

  function add(filter: Filter): void {
    onAdd(filter)
    setText('')
    setReached(null)
  }

  function addName(name: string): void {
    add({ field: 'workflowName', operator: 'in', values: [name] })
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    if (typed === '') return
    const name = names[at]
    if (name !== undefined) {
      addName(name)
      return
    }
    try {
      add(isPlain ? { field: 'workflowName', operator: 'contains', values: [typed] } : parseFilter(typed))
    } catch (error) {
      if (!(error instanceof FilterSyntaxError)) throw error
      setProblem(error.message)
    }
  }

  function handleKey(event: KeyboardEvent<HTMLInputElement>): void {
    // The keys of an input method choose among its own suggestions.
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') {
      if (names.length > 0) setListed(false)
      else event.currentTarget.blur()
    } else if (event.key === 'ArrowDown' && found.length > 0) {
      setListed(true)
      // Behind the last one comes the text as it is.
      setReached(found[at + 1] ?? null)
    } else if (event.key === 'ArrowUp' && names.length > 0) {
      setReached((at < 0 ? names.at(-1) : names[at - 1]) ?? null)
    } else return
    event.preventDefault()
  }

  return (
    <form className={styles.search} onSubmit={submit}>
      <Icon name="search" />
      <input
        ref={inputRef}
        role="combobox"
        value={text}
        aria-label={messages.bar.search}
        aria-expanded={names.length > 0}
        aria-controls={`${id}list`}
        aria-autocomplete="list"
        aria-activedescendant={at < 0 ? undefined : `${id}${at}`}
        autoComplete="off"
        spellCheck={false}
        placeholder={isFirst ? messages.bar.searchFirst : messages.bar.searchNext}
        title={messages.bar.searchHint}
        aria-invalid={problem !== null}
        onChange={(event) => {
          setText(event.target.value)
          setListed(true)
          setReached(null)
          setProblem(null)
        }}
        onKeyDown={handleKey}
        onBlur={() => setListed(false)}
      />
      {isFirst && text === '' && (
        <kbd className={styles.key} aria-hidden="true">
          /
        </kbd>
      )}
      <div
        className={styles.names}
        id={`${id}list`}
        role="listbox"
        aria-label={messages.bar.workflows}
        hidden={names.length === 0}
        // The focus stays in the input.
        onMouseDown={(event) => event.preventDefault()}
      >
        {names.map((name, index) => (
          <div
            key={name}
            className={styles.name}
            id={`${id}${index}`}
            role="option"
            aria-selected={index === at}
            onClick={() => addName(name)}
          >
            {name}
          </div>
        ))}
      </div>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
    </form>
  )
}
