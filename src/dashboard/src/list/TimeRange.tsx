import { useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { nameRange, printLocal, readLocal, type Zone } from '../model/timeRange.ts'
import styles from './ListPage.module.css'

const RANGES = [null, '-15m', '-1h', '-6h', '-24h', '-7d', '-30d']
const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

interface TimeRangeProps {
  since: string | null
  until: string | null
  onChange: (range: { since: string | null; until: string | null }) => void
}

/** When the executions of the list were created: within a time before now, or between two times. */
export function TimeRange({ since, until, onChange }: TimeRangeProps) {
  const name = nameRange(since, until)
  return (
    <Popover
      label={
        <>
          <Icon name="time" />
          <span>{name}</span>
        </>
      }
      name={`Created: ${name}`}
      align="end"
    >
      {(close) => {
        const choose = (range: { since: string | null; until: string | null }): void => {
          onChange(range)
          close()
        }
        return (
          <>
            {RANGES.map((range) => (
              <button
                key={range}
                type="button"
                className={form.option}
                aria-current={range === since && until === null}
                onClick={() => choose({ since: range, until: null })}
              >
                {nameRange(range, null)}
              </button>
            ))}
            <FromTo since={since} until={until} onChange={choose} />
          </>
        )
      }}
    </Popover>
  )
}

function FromTo({ since, until, onChange }: TimeRangeProps) {
  const [zone, setZone] = useState<Zone>('local')
  const [from, setFrom] = useState(printLocal(since, zone))
  const [to, setTo] = useState(printLocal(until, zone))

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    onChange({ since: readLocal(from, zone), until: readLocal(to, zone) })
  }

  return (
    <form className={styles.range} onSubmit={submit}>
      <label className={form.label}>
        From
        <input
          className={form.input}
          type="datetime-local"
          value={from}
          onChange={(event) => setFrom(event.target.value)}
        />
      </label>
      <label className={form.label}>
        To
        <input
          className={form.input}
          type="datetime-local"
          value={to}
          onChange={(event) => setTo(event.target.value)}
        />
      </label>
      <label className={form.label}>
        Time zone
        <select className={form.input} value={zone} onChange={(event) => setZone(event.target.value as Zone)}>
          <option value="local">{LOCAL_ZONE}</option>
          {LOCAL_ZONE !== 'UTC' && <option value="UTC">UTC</option>}
        </select>
      </label>
      <Button type="submit">Apply</Button>
    </form>
  )
}
