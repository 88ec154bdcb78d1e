import { useState, type ReactNode } from 'react'
import { messages } from '../messages/messages.ts'
import { markMatches, type JsonMatches } from '../model/jsonSearch.ts'
import { formatCount } from '../model/numbers.ts'
import styles from './JsonView.module.css'

// Deeper values, and those with more entries, start folded.
const OPEN_DEPTH = 2
const OPEN_ENTRIES = 50
// Entries of a list or an object to render at a time.
const RENDERED = 200
// Characters; a text of megabytes would block the page.
const MAX_TEXT = 5_000

interface TreeProps {
  value: unknown
  search: string
  /** What the search found: all else is left out. Null without a search. */
  matches: JsonMatches | null
  depth?: number
  name?: string
}

/** A JSON value, folded where it is large; with a search, what matches and what leads to it. */
export function JsonTree({ value, search, matches, depth = 0, name }: TreeProps): ReactNode {
  if (typeof value === 'object' && value !== null) {
    const found = matches?.entries.get(value)
    const entries = Object.entries(value).filter(([key]) => found === undefined || found.size === 0 || found.has(key))
    const brackets = Array.isArray(value) ? '[]' : '{}'
    const isFound = found !== undefined && found.size > 0
    return <Folded entries={entries} brackets={brackets} isFound={isFound} {...{ search, matches, depth, name }} />
  }
  return (
    <div className={styles.entry}>
      <Name name={name} search={search} />
      <Scalar value={value} search={search} />
    </div>
  )
}

interface FoldedProps {
  entries: [string, unknown][]
  brackets: '[]' | '{}'
  /** Whether the search found something in it. */
  isFound: boolean
  search: string
  matches: JsonMatches | null
  depth: number
  name: string | undefined
}

function Folded({ entries, brackets, isFound, search, matches, depth, name }: FoldedProps) {
  const text = messages.detail.json
  const [rendered, setRendered] = useState(RENDERED)
  const [isOpen, setOpen] = useState(isFound || (depth < OPEN_DEPTH && entries.length <= OPEN_ENTRIES))
  const [open, close] = [brackets[0], brackets[1]]
  if (entries.length === 0) {
    return (
      <div className={styles.entry}>
        <Name name={name} search={search} />
        {brackets}
      </div>
    )
  }
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} search={search} />
        {open}
        {!isOpen && (
          <span className={styles.count}>
            {' '}
            {entries.length === 1 ? text.entry : text.entries(formatCount(entries.length))} {close}
          </span>
        )}
      </summary>
      {isOpen && (
        <div className={styles.inner}>
          {entries.slice(0, rendered).map(([key, each]) => (
            <JsonTree key={key} value={each} depth={depth + 1} name={key} search={search} matches={matches} />
          ))}
          {entries.length > rendered && (
            <button type="button" className={styles.more} onClick={() => setRendered(rendered + RENDERED)}>
              {text.more(formatCount(entries.length - rendered))}
            </button>
          )}
        </div>
      )}
      {isOpen && close}
    </details>
  )
}

function Name({ name, search }: { name: string | undefined; search: string }) {
  if (name === undefined) return null
  return (
    <span className={styles.name}>
      <Marked text={name} search={search} />
      {': '}
    </span>
  )
}

function Scalar({ value, search }: { value: unknown; search: string }) {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return (
    <span className={styles[typeof value] ?? styles.null}>
      {text.length > MAX_TEXT ? (
        messages.detail.json.cut(text.slice(0, MAX_TEXT), formatCount(text.length))
      ) : (
        <Marked text={text} search={search} />
      )}
    </span>
  )
}

function Marked({ text, search }: { text: string; search: string }) {
  return markMatches(text, search).map(({ text: part, isMatch }, position) =>
    // A part is identified by its position alone.
    isMatch ? <mark key={position}>{part}</mark> : part,
  )
}
