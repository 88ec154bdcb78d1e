import { expect, test } from 'vitest'
import { behindSecondsOf, behindSecondsOfComment, describeLive, LagMeter } from './liveStatus.ts'

test('events are late when they take longer than earlier ones, whatever the clocks say', () => {
  const meter = new LagMeter()

  expect(meter.isLate(100_000, 40_000)).toBe(false)
  expect(meter.isLate(101_000, 42_000)).toBe(false)
  expect(meter.isLate(102_000, 46_000)).toBe(true)
})

test('the lag of the server is shown, and only while the page is connected', () => {
  expect(describeLive('live', 0)).toMatchObject({ tone: 'live', name: 'Live' })
  expect(describeLive('live', 42)).toMatchObject({ tone: 'behind', name: 'Live, 42 s behind' })
  expect(describeLive('behind', 185)).toMatchObject({ tone: 'behind', name: 'Live, 3 m 05 s behind' })
  expect(describeLive('behind', 0)).toMatchObject({ tone: 'behind', name: 'Behind' })
  expect(describeLive('reconnecting', 42)).toMatchObject({ tone: 'reconnecting', name: 'Reconnecting' })
  expect(describeLive('polling', 42).name).toBe('Polling')
})

test('the lag is read from the payload of a ping', () => {
  expect(behindSecondsOf({ behindSeconds: 42 })).toBe(42)
  expect(behindSecondsOf({ behindSeconds: 0 })).toBe(0)
  for (const other of [undefined, null, 42, {}, { behindSeconds: '42' }, { behindSeconds: -1 }, { behindSeconds: NaN }])
    expect(behindSecondsOf(other)).toBeNull()
})

test('the lag is read from a comment between events', () => {
  expect(behindSecondsOfComment(' behindSeconds=42')).toBe(42)
  expect(behindSecondsOfComment(' behindSeconds=0')).toBe(0)
  for (const other of ['', ' hello', ' behindSeconds=', ' behindSeconds=-1', ' behindSeconds=4 2'])
    expect(behindSecondsOfComment(other)).toBeNull()
})
