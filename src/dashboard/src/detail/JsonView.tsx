import { useMemo, useState } from 'react'
import { messages } from '../messages/messages.ts'
import { printJson } from '../model/exactJson.ts'
import { searchJson, type JsonMatches } from '../model/jsonSearch.ts'
import { formatCount } from '../model/numbers.ts'
import { CopyButton } from './CopyButton.tsx'
import { JsonTree } from './JsonTree.tsx'
import styles from './JsonView.module.css'

/** A JSON value as a tree that can be searched and copied, folded where it is large; `name` is what it is, such as `Input`. */
export function JsonView({ name, value }: { name: string; value: unknown }) {
  const text = messages.detail.json
  const [search, setSearch] = useState('')
  const matches = useMemo(() => searchJson(value, search), [value, search])
  if (value === null || value === undefined) return <p className={styles.none}>{text.none}</p>
  return (
    <div>
      <div className={styles.bar}>
        {typeof value === 'object' && (
          <input
            type="search"
            aria-label={text.search}
            placeholder={text.search}
            value={search}
            onChange={({ target }) => setSearch(target.value)}
          />
        )}
        <span className={styles.count} role="status">
          {matches !== null && nameMatches(matches)}
        </span>
        <CopyButton text={() => printJson(value, 2)} />
      </div>
      <div className={styles.json} tabIndex={0} role="group" aria-label={text.label(name)} dir="ltr">
        {/* A new tree for each search: what is open in it depends on the search. */}
        <JsonTree key={search} value={value} search={search} matches={matches} />
      </div>
    </div>
  )
}

function nameMatches({ count, isCut }: JsonMatches): string {
  const text = messages.detail.json
  if (isCut) return text.atLeast(formatCount(count))
  return count === 1 ? text.match : text.matches(formatCount(count))
}
