import { memo } from 'react'
import { Button } from '../components/Button.tsx'
import { messages } from '../messages/messages.ts'
import { LEVELS, type Level, type LineFilter } from '../model/logLines.ts'
import { TIMINGS, type Timing } from '../model/logTimes.ts'
import styles from './LogView.module.css'

interface LogBarProps {
  filter: LineFilter
  onFilter: (changes: Partial<LineFilter>) => void
  /** The names of the steps by their ids. */
  steps: ReadonlyMap<string, string>
  timing: Timing
  onTiming: (timing: Timing) => void
  wraps: boolean
  onWrap: (wraps: boolean) => void
}

// No step has an empty id.
const ALL_STEPS = ''

/** Which lines of a log are shown, and how. */
export function LogBar({ filter, onFilter, steps, timing, onTiming, wraps, onWrap }: LogBarProps) {
  const text = messages.detail.logs
  return (
    <>
      <select
        aria-label={text.level}
        value={filter.minLevel}
        onChange={({ target }) => onFilter({ minLevel: target.value as Level })}
      >
        {LEVELS.map((level) => (
          <option key={level} value={level}>
            {level === 'DEBUG' ? text.allLevels : text.andAbove(level)}
          </option>
        ))}
      </select>
      {(steps.size > 1 || filter.stepId !== null) && (
        <select
          className={styles.stepChoice}
          aria-label={text.step}
          value={filter.stepId ?? ALL_STEPS}
          onChange={({ target }) => onFilter({ stepId: target.value === ALL_STEPS ? null : target.value })}
        >
          <option value={ALL_STEPS}>{text.allSteps}</option>
          {filter.stepId !== null && !steps.has(filter.stepId) && <option>{filter.stepId}</option>}
          <StepOptions steps={steps} />
        </select>
      )}
      <input
        type="search"
        aria-label={text.search}
        placeholder={text.search}
        value={filter.search}
        onChange={({ target }) => onFilter({ search: target.value })}
      />
      <select aria-label={text.time} value={timing} onChange={({ target }) => onTiming(target.value as Timing)}>
        {TIMINGS.map((each) => (
          <option key={each} value={each}>
            {text.times[each]}
          </option>
        ))}
      </select>
      <Button aria-pressed={wraps} onClick={() => onWrap(!wraps)}>
        {text.wrap}
      </Button>
    </>
  )
}

/** Not with every line that is written: there may be thousands. */
const StepOptions = memo(function StepOptions({ steps }: { steps: ReadonlyMap<string, string> }) {
  return [...steps].map(([stepId, name]) => (
    <option key={stepId} value={stepId}>
      {name}
    </option>
  ))
})
