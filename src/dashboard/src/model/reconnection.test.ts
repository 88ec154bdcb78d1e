import { expect, test } from 'vitest'
import {
  afterFailure,
  afterSuccess,
  behindSecondsOf,
  behindSecondsOfComment,
  describeLive,
  FIRST_ATTEMPT,
  LagMeter,
  type Attempt,
} from './reconnection.ts'

function failTimes(count: number, from: Attempt = FIRST_ATTEMPT): Attempt {
  let attempt = from
  for (let time = 0; time < count; time += 1) attempt = afterFailure(attempt, 1)
  return attempt
}

test('a way that never worked is given up for the next one', () => {
  expect(failTimes(1).transport).toBe('websocket')
  expect(failTimes(2).transport).toBe('sse')
  expect(failTimes(4).transport).toBe('polling')
})

test('after a while of asking again and again, the best way is tried once more', () => {
  expect(failTimes(6)).toEqual(FIRST_ATTEMPT)
})

test('a way that has worked is waited for, longer each time, but never long', () => {
  const worked = afterSuccess(FIRST_ATTEMPT)

  const delays = [1, 2, 3, 6, 7].map((count) => failTimes(count, worked).delay)

  expect(delays).toEqual([500, 1000, 2000, 10_000, 10_000])
  expect(failTimes(7, worked).transport).toBe('websocket')
  expect(failTimes(8, worked).transport).toBe('sse')
})

test('a success forgets the failures before', () => {
  expect(afterSuccess(failTimes(1))).toEqual({ transport: 'websocket', failures: 0, hasWorked: true, delay: 0 })
})

test('clients that lost the same server do not come back at the same instant', () => {
  const worked = afterSuccess(FIRST_ATTEMPT)

  expect(afterFailure(worked, 0).delay).toBe(250)
  expect(afterFailure(worked, 1).delay).toBe(500)
})

test('events are late when they take longer than they once did, whatever the clocks say', () => {
  const meter = new LagMeter()

  expect(meter.isLate(100_000, 40_000)).toBe(false)
  expect(meter.isLate(101_000, 42_000)).toBe(false)
  expect(meter.isLate(102_000, 46_000)).toBe(true)
})

test('a delay of the server is named in plain words, and only while something is connected', () => {
  expect(describeLive('live', 0)).toMatchObject({ tone: 'live', name: 'Live' })
  expect(describeLive('live', 42)).toMatchObject({ tone: 'behind', name: 'Live, 42 s behind' })
  expect(describeLive('behind', 185)).toMatchObject({ tone: 'behind', name: 'Live, 3 m 05 s behind' })
  expect(describeLive('behind', 0)).toMatchObject({ tone: 'behind', name: 'Behind' })
  expect(describeLive('reconnecting', 42)).toMatchObject({ tone: 'reconnecting', name: 'Reconnecting' })
  expect(describeLive('polling', 42).name).toBe('Polling')
})

test('a ping says how far behind the server is, or nothing of that', () => {
  expect(behindSecondsOf({ behindSeconds: 42 })).toBe(42)
  expect(behindSecondsOf({ behindSeconds: 0 })).toBe(0)
  for (const other of [undefined, null, 42, {}, { behindSeconds: '42' }, { behindSeconds: -1 }, { behindSeconds: NaN }])
    expect(behindSecondsOf(other)).toBeNull()
})

test('so does a comment between events', () => {
  expect(behindSecondsOfComment(' behindSeconds=42')).toBe(42)
  expect(behindSecondsOfComment(' behindSeconds=0')).toBe(0)
  for (const other of ['', ' hello', ' behindSeconds=', ' behindSeconds=-1', ' behindSeconds=4 2'])
    expect(behindSecondsOfComment(other)).toBeNull()
})
