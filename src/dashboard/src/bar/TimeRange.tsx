import { lazy } from 'react'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import type { Scope } from '../model/scope.ts'
import { nameRange } from '../model/timeRange.ts'

// Loaded when it is opened.
const TimeRangePanel = lazy(() => import('./TimeRangePanel.tsx'))

interface TimeRangeProps {
  scope: Scope
  onChange: (changes: Partial<Scope>) => void
  hasAnyTime: boolean
}

/** When the executions of the page were created, within a time before now or between two times; and the time zone. */
export function TimeRange({ scope, onChange, hasAnyTime }: TimeRangeProps) {
  const zone = useZone()
  const range = nameRange(scope.since, scope.until, zone)
  // Absolute times name their zone themselves.
  const name = zone === undefined || /\d:\d/.test(range) ? range : `${range}, ${zone}`
  return (
    <Popover
      label={
        <>
          <Icon name="time" />
          <span>{name}</span>
        </>
      }
      name={messages.bar.created(name)}
      align="end"
    >
      {(close) => <TimeRangePanel scope={scope} onChange={onChange} hasAnyTime={hasAnyTime} onClose={close} />}
    </Popover>
  )
}
