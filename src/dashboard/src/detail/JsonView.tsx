import styles from './JsonView.module.css'

/** A JSON value whose objects and lists fold. */
export function JsonView({ title, value }: { title: string; value: unknown }) {
  return (
    <div className={styles.view}>
      <h3>{title}</h3>
      {value === null || value === undefined ? <p className={styles.none}>none</p> : <Value value={value} depth={0} />}
    </div>
  )
}

// Deeper ones begin folded: a payload may hold thousands.
const OPEN_DEPTH = 2
const MOST_SHOWN = 200

function Value({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  const label = name === undefined ? null : <span className={styles.name}>{name}: </span>
  if (typeof value !== 'object' || value === null) {
    return (
      <div className={styles.leaf}>
        {label}
        <span data-type={typeof value}>{JSON.stringify(value)}</span>
      </div>
    )
  }
  const entries: [string, unknown][] = Object.entries(value)
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`
  return (
    <details open={depth < OPEN_DEPTH} className={styles.branch}>
      <summary>
        {label}
        <span className={styles.none}>{size}</span>
      </summary>
      {entries.slice(0, MOST_SHOWN).map(([key, each]) => (
        <Value key={key} name={key} value={each} depth={depth + 1} />
      ))}
      {entries.length > MOST_SHOWN && <p className={styles.none}>and {entries.length - MOST_SHOWN} more</p>}
    </details>
  )
}
