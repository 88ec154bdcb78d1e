import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { useNow } from '../components/useNow.ts'
import { useZone } from '../components/ZoneContext.ts'
import { areOneDay } from '../model/dates.ts'
import { ALL_LINES, isAllLines, LEVELS, select, type Level } from '../model/logLines.ts'
import { countLines } from '../model/logText.ts'
import { formatCount } from '../model/numbers.ts'
import type { ExecutionDetail, Snapshot } from './executionDetail.ts'
import { LogRow } from './LogRow.tsx'
import styles from './LogView.module.css'
import type { LogLine } from './operations.ts'

const LINE_HEIGHT = 22
// Pixels from an end of the log within which it counts as reached.
const NEAR = 40
// Milliseconds without a key before a search starts, since each search reads the whole log.
const SEARCH_DELAY = 250
// No step has an empty id.
const ALL_STEPS = ''

/** The log of an execution: it follows the end until the user scrolls up, and loads older lines at the top. */
export function LogView({ detail, snapshot }: { detail: ExecutionDetail; snapshot: Snapshot }) {
  const now = useNow()
  const zone = useZone()
  const { tail, matches, hasOlderLines, isLoadingOlder, error, status } = snapshot
  const [filter, setFilter] = useState(ALL_LINES)
  const [follows, setFollows] = useState(true)
  const [wraps, setWraps] = useState(false)
  const scroller = useRef<HTMLDivElement>(null)
  // Attempts share a step id.
  const steps = useMemo(
    () => new Map(snapshot.steps.map(({ stepId, name }) => [stepId, name === '' ? stepId : name])),
    [snapshot.steps],
  )
  const lines = useMemo(
    () => [...select(matches, filter), ...select(tail.lines, filter)],
    [matches, tail.lines, filter],
  )

  const [oldest, newest] = [lines[0], lines.at(-1)]
  const ends = [oldest, newest].flatMap((line) => (line === undefined ? [] : [Date.parse(line.at)]))
  const hasDate = !areOneDay([...ends, now], zone)

  // eslint-disable-next-line react-hooks/incompatible-library -- nothing that it returns is passed to memoised components
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => heightOf(lines[index]),
    overscan: 20,
  })

  // Heights that were measured are of lines that wrapped.
  useEffect(() => virtual.measure(), [virtual, wraps])

  useEffect(() => {
    if (follows && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: 'end' })
  }, [follows, lines.length, virtual])

  useEffect(() => {
    const timer = window.setTimeout(() => detail.setFilter(filter), SEARCH_DELAY)
    return () => window.clearTimeout(timer)
  }, [detail, filter])

  // Keep the visible lines in place while older ones are added above them.
  const first = useRef(lines[0])
  const top = useRef(0)
  useLayoutEffect(() => {
    const added = first.current === undefined ? -1 : lines.indexOf(first.current)
    const height = lines.slice(0, Math.max(0, added)).reduce((sum, line) => sum + heightOf(line), 0)
    if (height > 0 && !follows) scroller.current?.scrollBy(0, height)
    first.current = lines[0]
    if (scroller.current === null) top.current = 0
  }, [lines, follows])

  function loadOlderAtTop(): void {
    // While the filter has not been applied, this would load lines of the previous one.
    if (snapshot.filter !== filter) return
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = scroller.current ?? {}
    const isAtTop = scrollHeight <= clientHeight || (!follows && scrollTop < NEAR)
    if (isAtTop && hasOlderLines && !isLoadingOlder && error === null) void detail.loadOlder()
  }
  useEffect(loadOlderAtTop)

  function onScroll(): void {
    const element = scroller.current
    if (element === null) return
    const { scrollTop, scrollHeight, clientHeight } = element
    // New lines move the end away; following stops only when the user scrolls up.
    const isNearEnd = scrollHeight - scrollTop - clientHeight < NEAR
    if (isNearEnd || scrollTop < top.current) setFollows(isNearEnd)
    top.current = scrollTop
    loadOlderAtTop()
  }

  return (
    <div className={styles.view}>
      <div className={styles.bar}>
        <label>
          <span className="visually-hidden">Minimum level</span>
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
        {steps.size > 1 && (
          <select
            className={styles.step}
            aria-label="Step"
            value={filter.stepId ?? ALL_STEPS}
            onChange={({ target: { value } }) => setFilter({ ...filter, stepId: value === ALL_STEPS ? null : value })}
          >
            <option value={ALL_STEPS}>All steps</option>
            {[...steps].map(([stepId, name]) => (
              <option key={stepId} value={stepId}>
                {name}
              </option>
            ))}
          </select>
        )}
        <input
          type="search"
          aria-label="Search log lines"
          placeholder="Search log lines"
          value={filter.search}
          onChange={(event) => setFilter({ ...filter, search: event.target.value })}
        />
        <span className={styles.count} role="status">
          {isAllLines(filter) ? quantify(lines.length, 'line') : quantify(lines.length, 'match', 'matches')}
          {hasOlderLines && ' loaded'}
          {tail.dropped > 0 && `, ${formatCount(tail.dropped)} older lines not kept`}
        </span>
        <span className={styles.end}>
          {hasOlderLines && (
            <Button disabled={isLoadingOlder} onClick={() => void detail.loadOlder()}>
              {isLoadingOlder ? 'Loading …' : 'Load older lines'}
            </Button>
          )}
          <Button aria-pressed={wraps} onClick={() => setWraps(!wraps)}>
            Wrap
          </Button>
          <Button aria-pressed={follows} onClick={() => setFollows(!follows)}>
            {follows ? 'Following' : 'Follow'}
          </Button>
        </span>
      </div>
      {lines.length === 0 ? (
        <Notice kind="empty" title={titleOfEmpty(isAllLines(filter), hasOlderLines)}>
          {status !== null && 'New lines appear here as they are written.'}
        </Notice>
      ) : (
        <div
          className={styles.scroller}
          data-wraps={wraps}
          data-dates={hasDate}
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
              return line === undefined ? null : (
                <LogRow
                  key={key}
                  line={line}
                  index={index}
                  top={start}
                  hasDate={hasDate}
                  measure={wraps ? virtual.measureElement : undefined}
                />
              )
            })}
          </div>
        </div>
      )}
    </div>
  )
}

function titleOfEmpty(isUnfiltered: boolean, hasOlderLines: boolean): string {
  if (isUnfiltered) return 'No log lines'
  return hasOlderLines ? 'No lines match so far' : 'No lines match'
}

function quantify(count: number, one: string, more = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : more}`
}

function heightOf(line: LogLine | undefined): number {
  return LINE_HEIGHT * (line === undefined ? 1 : countLines(line.message))
}
