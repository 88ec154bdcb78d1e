import { useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import type { Scope } from '../model/scope.ts'
import { nameRange, printLocal, readLocal } from '../model/timeRange.ts'
import styles from './Bar.module.css'
import { chooseZone } from './preferredZone.ts'

const RANGES = ['-15m', '-1h', '-6h', '-24h', '-7d', '-30d']
const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

interface TimeRangePanelProps {
  scope: Scope
  onChange: (changes: Partial<Scope>) => void
  hasAnyTime: boolean
  onClose: () => void
}

/** The usual ranges of time, two inputs for any other, and the time zone. */
export default function TimeRangePanel({ scope, onChange, hasAnyTime, onClose }: TimeRangePanelProps) {
  const { since, until } = scope
  const zone = useZone()
  const choose = (range: Partial<Scope>): void => {
    onChange(range)
    onClose()
  }
  return (
    <>
      {[...(hasAnyTime ? [null] : []), ...RANGES].map((range) => (
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
      <div className={styles.range}>
        <ZoneChoice zone={zone} onChange={(chosen) => onChange({ zone: chosen })} />
        <FromTo since={since} until={until} zone={zone} onChange={choose} />
      </div>
    </>
  )
}

function ZoneChoice({ zone, onChange }: { zone: string | undefined; onChange: (zone: string | null) => void }) {
  // Where the names are not known, any that the address has.
  const zones = new Set(['UTC', ...(zone === undefined ? [] : [zone]), ...Intl.supportedValuesOf('timeZone')])
  return (
    <label className={form.label}>
      {messages.bar.timeZone}
      <select
        className={form.input}
        value={zone ?? ''}
        onChange={(event) => {
          const chosen = event.target.value === '' ? null : event.target.value
          chooseZone(chosen)
          onChange(chosen)
        }}
      >
        <option value="">{messages.bar.localTime(LOCAL_ZONE)}</option>
        {[...zones].map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  )
}

interface FromToProps {
  since: string | null
  until: string | null
  zone: string | undefined
  onChange: (range: Partial<Scope>) => void
}

function FromTo({ since, until, zone, onChange }: FromToProps) {
  // Null until something is entered: what is entered stays when the zone is changed.
  const [from, setFrom] = useState<string | null>(null)
  const [to, setTo] = useState<string | null>(null)
  const shownFrom = from ?? printLocal(since, zone)
  const shownTo = to ?? printLocal(until, zone)

  function submit(event: SyntheticEvent): void {
    event.preventDefault()
    onChange({ since: readLocal(shownFrom, zone), until: readLocal(shownTo, zone) })
  }

  return (
    <form className={form.fields} onSubmit={submit}>
      <label className={form.label}>
        {messages.bar.from}
        <input
          className={form.input}
          type="datetime-local"
          value={shownFrom}
          onChange={(event) => setFrom(event.target.value)}
        />
      </label>
      <label className={form.label}>
        {messages.bar.to}
        <input
          className={form.input}
          type="datetime-local"
          value={shownTo}
          onChange={(event) => setTo(event.target.value)}
        />
      </label>
      <Button type="submit">{messages.bar.apply}</Button>
    </form>
  )
}
