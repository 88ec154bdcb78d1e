import { useId, useState } from 'react'
import { messages } from '../messages/messages.ts'
import type { Filter } from '../model/filter.ts'
import { FilterSyntaxError, parseFilter, printFilter } from '../model/filterText.ts'
import form from './form.module.css'
import styles from './records.module.css'

interface FilterFieldProps {
  label: string
  filter: Filter
  /** Gets the filter, or null while the text is none. */
  onChange: (filter: Filter | null) => void
}

/** A field of a form that takes a filter as text, as addresses of the list have it. */
export function FilterField({ label, filter, onChange }: FilterFieldProps) {
  const [text, setText] = useState(() => printFilter(filter))
  const [problem, setProblem] = useState<string | null>(null)
  const id = useId()

  function change(typed: string): void {
    setText(typed)
    try {
      onChange(parseFilter(typed))
      setProblem(null)
    } catch (error) {
      if (!(error instanceof FilterSyntaxError)) throw error
      onChange(null)
      setProblem(error.message)
    }
  }

  return (
    <div>
      <label className={form.label}>
        {label}
        <textarea
          className={`${form.input ?? ''} ${styles.mono ?? ''}`}
          rows={2}
          value={text}
          spellCheck={false}
          aria-invalid={problem !== null}
          aria-describedby={id}
          placeholder={messages.components.filterPlaceholder}
          onChange={(event) => change(event.target.value)}
        />
      </label>
      <span id={id} className={problem === null ? styles.hint : styles.problem}>
        {problem ?? messages.components.filterHint}
      </span>
    </div>
  )
}
