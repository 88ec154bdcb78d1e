import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { EVERY_LINE, isEveryLine, LEVELS, select, type Level } from '../model/logLines.ts'
import { formatUtc } from '../model/dates.ts'
import { formatCount } from '../model/numbers.ts'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import type { ExecutionDetail, Snapshot } from './executionDetail.ts'
import styles from './LogView.module.css'
import type { LogLine } from './operations.ts'

const LINE_HEIGHT = 22
// Within so many pixels of an end, the end is what is looked at.
const NEAR = 40
// Who types goes on within it; each search reads the whole log.
const PAUSE = 250

/**
 * The log of an execution: it follows the end, until somebody scrolls away from it; whoever comes to its beginning
 * has earlier lines read.
 */
export function LogView({ detail, snapshot }: { detail: ExecutionDetail; snapshot: Snapshot }) {
  const { tail, matches, hasOlderLines, isLoadingOlder, error, status } = snapshot
  const [filter, setFilter] = useState(EVERY_LINE)
  const [follows, setFollows] = useState(true)
  const scroller = useRef<HTMLDivElement>(null)
  const lines = useMemo(
    () => [...select(matches, filter), ...select(tail.lines, filter)],
    [matches, tail.lines, filter],
  )

  // eslint-disable-next-line react-hooks/incompatible-library -- nothing that it returns is given to memoised parts
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 20,
  })

  useEffect(() => {
    if (follows && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: 'end' })
  }, [follows, lines.length, virtual])

  useEffect(() => {
    const timer = window.setTimeout(() => detail.lookFor(filter), PAUSE)
    return () => window.clearTimeout(timer)
  }, [detail, filter])

  // What is looked at stays where it is while earlier lines come before it.
  const first = useRef(lines[0])
  const top = useRef(0)
  useLayoutEffect(() => {
    const added = first.current === undefined ? -1 : lines.indexOf(first.current)
    if (added > 0 && !follows) scroller.current?.scrollBy(0, added * LINE_HEIGHT)
    first.current = lines[0]
    if (scroller.current === null) top.current = 0
  }, [lines, follows])

  function readOn(): void {
    // Until what is typed is looked for, every line would be read.
    if (snapshot.filter !== filter) return
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = scroller.current ?? {}
    const isAtBeginning = scrollHeight <= clientHeight || (!follows && scrollTop < NEAR)
    if (isAtBeginning && hasOlderLines && !isLoadingOlder && error === null) void detail.loadOlder()
  }
  useEffect(readOn)

  function onScroll(): void {
    const element = scroller.current
    if (element === null) return
    const { scrollTop, scrollHeight, clientHeight } = element
    // Lines that come in move the end away; only whoever scrolls up leaves it.
    const isNearEnd = scrollHeight - scrollTop - clientHeight < NEAR
    if (isNearEnd || scrollTop < top.current) setFollows(isNearEnd)
    top.current = scrollTop
    readOn()
  }

  return (
    <div className={styles.view}>
      <div className={styles.bar}>
        <label>
          <span className="visually-hidden">Least level</span>
          <select
            value={filter.minLevel}
            onChange={(event) => setFilter({ ...filter, minLevel: event.target.value as Level })}
          >
            {LEVELS.map((level) => (
              <option key={level} value={level}>
                {level === 'DEBUG' ? 'All levels' : `${level} and above`}
              </option>
            ))}
          </select>
        </label>
        <input
          type="search"
          aria-label="Search in the lines"
          placeholder="Search in the lines"
          value={filter.search}
          onChange={(event) => setFilter({ ...filter, search: event.target.value })}
        />
        <span className={styles.count} role="status">
          {isEveryLine(filter) ? quantify(lines.length, 'line') : quantify(lines.length, 'match', 'matches')}
          {hasOlderLines && ' so far'}
          {tail.dropped > 0 && `, ${formatCount(tail.dropped)} older lines let go`}
        </span>
        <span className={styles.end}>
          {hasOlderLines && (
            <Button disabled={isLoadingOlder} onClick={() => void detail.loadOlder()}>
              {isLoadingOlder ? 'Reading …' : 'Earlier lines'}
            </Button>
          )}
          <Button aria-pressed={follows} onClick={() => setFollows(!follows)}>
            {follows ? 'Following' : 'Follow'}
          </Button>
        </span>
      </div>
      {lines.length === 0 ? (
        <Notice kind="empty" title={titleOfNothing(isEveryLine(filter), hasOlderLines)}>
          {status !== null && 'They appear here as they are written.'}
        </Notice>
      ) : (
        <div
          className={styles.scroller}
          ref={scroller}
          onScroll={onScroll}
          tabIndex={0}
          role="log"
          aria-label="Log lines"
          aria-live="off"
        >
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map(({ index, start, key }) => {
              const line = lines[index]
              return line === undefined ? null : <LineRow key={key} line={line} top={start} />
            })}
          </div>
        </div>
      )}
    </div>
  )
}

function titleOfNothing(isWhole: boolean, hasOlderLines: boolean): string {
  if (isWhole) return 'No log lines'
  return hasOlderLines ? 'No line matches so far' : 'No line matches'
}

function quantify(count: number, one: string, more = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : more}`
}

function LineRow({ line, top }: { line: LogLine; top: number }) {
  const instant = Date.parse(line.at)
  return (
    <div
      className={styles.line}
      data-level={line.level}
      style={{ transform: `translateY(${top}px)` }}
      title={line.message}
    >
      <time dateTime={line.at} title={formatUtc(instant)}>
        {new Date(instant).toLocaleTimeString('en-GB')}
      </time>
      <span className={styles.level}>{line.level}</span>
      <span className={styles.step}>{line.stepId}</span>
      <span className={styles.message}>{line.message}</span>
    </div>
  )
}
