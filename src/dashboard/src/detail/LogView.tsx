import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useClient } from 'urql'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { useNow } from '../components/useNow.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { areOneDay, formatLogTime } from '../model/dates.ts'
import { ALL_LINES, indexOfKey, isAllLines, keyOfLine, select as selectLines, timeOfKey } from '../model/logLines.ts'
import { countLines } from '../model/logText.ts'
import { formatOffset, type Timing } from '../model/logTimes.ts'
import { formatCount } from '../model/numbers.ts'
import type { Selection } from '../model/detailSelection.ts'
import type { ExecutionDetail, Snapshot } from './executionDetail.ts'
import { LineDetails } from './LineDetails.tsx'
import { LogBar } from './LogBar.tsx'
import { LogDownload } from './LogDownload.tsx'
import { FIRST_ERROR } from './logOperations.ts'
import { LogRow } from './LogRow.tsx'
import styles from './LogView.module.css'
import type { Execution, LogLine } from './operations.ts'
import type { Select } from './useSelection.ts'

interface LogViewProps {
  execution: Execution
  detail: ExecutionDetail
  snapshot: Snapshot
  selection: Selection
  select: Select
}

const LINE_HEIGHT = 22
// Pixels from an end of the log within which it counts as reached.
const NEAR = 40
// Milliseconds without a key before a search starts, since each search reads the whole log.
const SEARCH_DELAY = 250
// Lines before that of a link.
const CONTEXT = 25

/** The log of an execution: it follows the end until the user scrolls up, and loads older lines at the top. */
export function LogView({ execution, detail, snapshot, selection, select }: LogViewProps) {
  const text = messages.detail.logs
  const now = useNow()
  const zone = useZone()
  const client = useClient()
  const { tail, matches, hasOlderLines, isLoadingOlder, error, status } = snapshot
  const [typed, setTyped] = useState({ minLevel: ALL_LINES.minLevel, search: ALL_LINES.search })
  const [wantsEnd, setWantsEnd] = useState(true)
  const [wraps, setWraps] = useState(false)
  const [timing, setTiming] = useState<Timing>('clock')
  const [hasNoErrors, setHasNoErrors] = useState(false)
  const scroller = useRef<HTMLDivElement>(null)
  // One object for each filter: the store tells filters apart by it.
  const filter = useMemo(() => {
    const wanted = { ...typed, stepId: selection.step }
    return isAllLines(wanted) && wanted.search === '' ? ALL_LINES : wanted
  }, [typed, selection.step])
  const isApplied = snapshot.filter === filter
  // Attempts share a step id.
  const steps = useMemo(
    () => new Map(snapshot.steps.map(({ stepId, name }) => [stepId, name === '' ? stepId : name])),
    [snapshot.steps],
  )
  const lines = useMemo(
    () => [...selectLines(matches, filter), ...selectLines(tail.lines, filter)],
    [matches, tail.lines, filter],
  )
  const wanted = selection.line
  const follows = wantsEnd && wanted === null
  const target = useMemo(() => (wanted === null ? -1 : indexOfKey(lines, wanted)), [lines, wanted])
  const targetLine = lines[target]

  const [oldest, newest] = [lines[0], lines.at(-1)]
  const ends = [oldest, newest].flatMap((line) => (line === undefined ? [] : [Date.parse(line.at)]))
  const hasDate = !areOneDay([...ends, now], zone)
  const start = Date.parse(execution.startedAt ?? execution.createdAt)

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

  // The line of a link may be older than those that are loaded, and is read with what comes before it.
  const wantedAt = wanted === null ? null : timeOfKey(wanted)
  const isBefore = wantedAt !== null && (oldest === undefined || wantedAt <= Date.parse(oldest.at))
  const isSearching = target < 0 && isBefore && (hasOlderLines || !isApplied) && error === null
  const needsContext = target >= 0 && target < CONTEXT && hasOlderLines && error === null

  // The line of a link is shown once; then the user may scroll away.
  const shown = useRef<string | null>(null)
  useEffect(() => {
    if (wanted === null) shown.current = null
    if (target < 0 || shown.current === wanted || needsContext) return
    shown.current = wanted
    virtual.scrollToIndex(target, { align: 'center' })
  }, [target, wanted, virtual, needsContext])

  useEffect(() => {
    if ((isSearching || needsContext) && isApplied && !isLoadingOlder) void detail.loadOlder()
  }, [detail, isSearching, needsContext, isApplied, isLoadingOlder, lines])

  function loadOlderAtTop(): void {
    // While the filter has not been applied, this would load lines of the previous one.
    if (!isApplied) return
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
    if (isNearEnd || scrollTop < top.current) setWantsEnd(isNearEnd)
    top.current = scrollTop
    loadOlderAtTop()
  }

  async function showFirstError(): Promise<void> {
    const { data } = await client.query(FIRST_ERROR, { id: execution.executionId, stepId: selection.step })
    const line = data?.execution?.logs.nodes[0]
    setHasNoErrors(data !== undefined && line === undefined)
    if (line === undefined) return
    // A search could hide it.
    setTyped({ minLevel: ALL_LINES.minLevel, search: ALL_LINES.search })
    shown.current = null
    select({ line: keyOfLine(line) })
  }
  useShortcuts({ e: () => void showFirstError() })

  function nameTime(index: number, line: LogLine): string {
    const at = Date.parse(line.at)
    if (timing === 'clock') return formatLogTime(at, hasDate, zone)
    const before = lines[index - 1]
    return formatOffset(at - (timing === 'start' || before === undefined ? start : Date.parse(before.at)))
  }

  return (
    <div className={styles.view}>
      <div className={styles.bar}>
        <LogBar
          filter={filter}
          onFilter={({ stepId, ...changes }) => {
            if (stepId !== undefined) select({ step: stepId })
            setTyped({ ...typed, ...changes })
          }}
          steps={steps}
          timing={timing}
          onTiming={setTiming}
          wraps={wraps}
          onWrap={setWraps}
        />
        <Button title={text.firstErrorTitle} onClick={() => void showFirstError()}>
          {text.firstError}
        </Button>
        <span className={styles.count} role="status">
          {nameCount(lines.length, isAllLines(filter), hasOlderLines)}
          {tail.dropped > 0 && text.notKept(formatCount(tail.dropped))}
          {hasNoErrors && ` · ${text.noErrors}`}
          {isSearching && ` · ${text.searching}`}
          {wanted !== null && target < 0 && isApplied && !isSearching && ` · ${text.lineMissing}`}
        </span>
        <span className={styles.end}>
          {hasOlderLines && (
            <Button disabled={isLoadingOlder} onClick={() => void detail.loadOlder()}>
              {isLoadingOlder ? messages.detail.loadingMore : text.older}
            </Button>
          )}
          <LogDownload executionId={execution.executionId} filter={filter} />
          <Button
            aria-pressed={follows}
            onClick={() => {
              setWantsEnd(!follows)
              if (wanted !== null) select({ line: null })
            }}
          >
            {follows ? text.following : text.follow}
          </Button>
        </span>
      </div>
      {lines.length === 0 ? (
        <Notice kind="empty" title={isAllLines(filter) ? text.none : hasOlderLines ? text.noMatchYet : text.noMatch}>
          {status !== null && text.appear}
        </Notice>
      ) : (
        <div
          className={styles.scroller}
          data-wraps={wraps}
          data-open={targetLine !== undefined}
          data-dates={hasDate || timing !== 'clock'}
          ref={scroller}
          onScroll={onScroll}
          tabIndex={0}
          role="log"
          aria-label={text.label}
          aria-live="off"
          dir="ltr"
        >
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map(({ index, start: offset, key }) => {
              const line = lines[index]
              return line === undefined ? null : (
                <LogRow
                  key={key}
                  line={line}
                  index={index}
                  top={offset}
                  time={nameTime(index, line)}
                  isSelected={index === target}
                  select={select}
                  measure={wraps ? virtual.measureElement : undefined}
                />
              )
            })}
          </div>
        </div>
      )}
      {targetLine !== undefined && <LineDetails line={targetLine} start={start} select={select} />}
    </div>
  )
}

function nameCount(count: number, isAll: boolean, isIncomplete: boolean): string {
  const text = messages.detail.logs
  const number = formatCount(count)
  const name = isAll ? (count === 1 ? text.line : text.lines(number)) : count === 1 ? text.match : text.matches(number)
  return isIncomplete ? text.loaded(name) : name
}

function heightOf(line: LogLine | undefined): number {
  return LINE_HEIGHT * (line === undefined ? 1 : countLines(line.message))
}
