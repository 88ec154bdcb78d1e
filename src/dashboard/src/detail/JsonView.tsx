import { useState, type ReactNode } from 'react'
import { Button } from '../components/Button.tsx'
import { printJson } from '../model/exactJson.ts'
import styles from './JsonView.module.css'

// Deeper values, and those with more entries, start folded.
const OPEN_DEPTH = 2
const OPEN_ENTRIES = 50
// Entries of a list or an object to render at a time.
const RENDERED = 200
// Characters; a text of megabytes would block the page.
const MAX_TEXT = 5_000

/** A JSON value as a tree, folded where it is large. */
export function JsonView({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <p className={styles.none}>None</p>
  return (
    <div className={styles.frame}>
      <CopyButton value={value} />
      <div className={styles.json} tabIndex={0} role="region" aria-label="JSON">
        <Value value={value} depth={0} />
      </div>
    </div>
  )
}

function CopyButton({ value }: { value: unknown }) {
  const [isCopied, setCopied] = useState(false)
  // Browsers offer the clipboard to pages from HTTPS or from the own machine alone.
  if (!window.isSecureContext) return null
  const copy = (): void => {
    void navigator.clipboard.writeText(printJson(value, 2)).then(() => setCopied(true))
  }
  return (
    <Button kind="quiet" className={styles.copy ?? ''} onClick={copy}>
      {isCopied ? 'Copied' : 'Copy'}
    </Button>
  )
}

function Value({ value, depth, name }: { value: unknown; depth: number; name?: string }): ReactNode {
  if (Array.isArray(value)) {
    const entries = value.map((each, index): [string, unknown] => [String(index), each])
    return <Folded entries={entries} brackets="[]" depth={depth} name={name} />
  }
  if (typeof value === 'object' && value !== null) {
    return <Folded entries={Object.entries(value)} brackets="{}" depth={depth} name={name} />
  }
  return (
    <div className={styles.entry}>
      <Name name={name} />
      <Scalar value={value} />
    </div>
  )
}

interface FoldedProps {
  entries: [string, unknown][]
  brackets: '[]' | '{}'
  depth: number
  name: string | undefined
}

function Folded({ entries, brackets, depth, name }: FoldedProps) {
  const [rendered, setRendered] = useState(RENDERED)
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && entries.length <= OPEN_ENTRIES)
  const [open, close] = [brackets[0], brackets[1]]
  if (entries.length === 0) {
    return (
      <div className={styles.entry}>
        <Name name={name} />
        {brackets}
      </div>
    )
  }
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        {open}
        {!isOpen && (
          <span className={styles.count}>
            {' '}
            {entries.length} {entries.length === 1 ? 'entry' : 'entries'} {close}
          </span>
        )}
      </summary>
      {isOpen && (
        <div className={styles.inner}>
          {entries.slice(0, rendered).map(([key, each]) => (
            <Value key={key} value={each} depth={depth + 1} name={key} />
          ))}
          {entries.length > rendered && (
            <button type="button" className={styles.more} onClick={() => setRendered(rendered + RENDERED)}>
              {entries.length - rendered} more
            </button>
          )}
        </div>
      )}
      {isOpen && close}
    </details>
  )
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span className={styles.name}>{name}: </span>
}

function Scalar({ value }: { value: unknown }) {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return (
    <span className={styles[typeof value] ?? styles.null}>
      {text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} … (${text.length} characters)` : text}
    </span>
  )
}
