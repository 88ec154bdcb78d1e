import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState } from 'react'
import fields from '../parts/fields.module.css'
import { Moment } from '../parts/Moment.tsx'
import styles from './Logs.module.css'
import type { Line } from './operations.ts'

const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const
const HEIGHT = 22

/** The log lines as they come: only those in sight are drawn, and the end stays in sight while one follows. */
export function Logs({ lines, stepId }: { lines: readonly Line[]; stepId: string | null }) {
  const [level, setLevel] = useState<Line['level']>('DEBUG')
  const [search, setSearch] = useState('')
  const [follows, setFollows] = useState(true)
  const scroller = useRef<HTMLDivElement>(null)
  const shown = useMemo(
    () => lines.filter((line) => matches(line, level, search.toLowerCase(), stepId)),
    [lines, level, search, stepId],
  )
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing that it returns is given to memoised parts
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => HEIGHT,
    overscan: 10,
  })
  useEffect(() => {
    if (follows && shown.length > 0) virtual.scrollToIndex(shown.length - 1)
  }, [follows, shown.length, virtual])

  return (
    <section aria-labelledby="logs">
      <div className={styles.head}>
        <h2 id="logs">Log</h2>
        <select
          className={fields.input}
          aria-label="Lowest level"
          value={level}
          onChange={(event) => setLevel(LEVELS.find((each) => each === event.target.value) ?? 'DEBUG')}
        >
          {LEVELS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <input
          className={fields.input}
          aria-label="Search the log"
          placeholder="Search …"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <label>
          <input type="checkbox" checked={follows} onChange={(event) => setFollows(event.target.checked)} /> Follow
        </label>
        {stepId !== null && <span className={styles.faint}>of {stepId}</span>}
      </div>
      <div
        className={styles.lines}
        ref={scroller}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Log lines"
        onWheel={(event) => {
          if (event.deltaY < 0) setFollows(false)
        }}
      >
        {shown.length === 0 && <p className={styles.faint}>No line matches.</p>}
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const line = shown[index]
            return line === undefined ? null : (
              <div key={index} className={styles.line} style={{ transform: `translateY(${start}px)` }}>
                <Moment at={line.at} />
                <span data-level={line.level}>{line.level}</span>
                <span className={styles.message} title={line.message}>
                  {line.message}
                </span>
              </div>
            )
          })}
        </div>
      </div>
    </section>
  )
}

function matches(line: Line, level: Line['level'], search: string, stepId: string | null): boolean {
  return (
    LEVELS.indexOf(line.level) >= LEVELS.indexOf(level) &&
    (stepId === null || line.stepId === stepId) &&
    (search === '' || line.message.toLowerCase().includes(search))
  )
}
