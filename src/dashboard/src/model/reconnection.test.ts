import { expect, test } from 'vitest'
import { afterFailure, afterSuccess, FIRST_ATTEMPT, type Attempt } from './reconnection.ts'

function failTimes(count: number, from: Attempt = FIRST_ATTEMPT): Attempt {
  let attempt = from
  for (let time = 0; time < count; time += 1) attempt = afterFailure(attempt, 1)
  return attempt
}

test('a transport that never worked is given up for the next one', () => {
  expect(failTimes(1).transport).toBe('websocket')
  expect(failTimes(2).transport).toBe('sse')
  expect(failTimes(4).transport).toBe('polling')
})

test('after a while of polling, the best transport is tried again', () => {
  expect(failTimes(6)).toEqual(FIRST_ATTEMPT)
})

test('a transport that has worked is retried with growing delays, up to a limit', () => {
  const worked = afterSuccess(FIRST_ATTEMPT)

  const delays = [1, 2, 3, 6, 7].map((count) => failTimes(count, worked).delay)

  expect(delays).toEqual([500, 1000, 2000, 10_000, 10_000])
  expect(failTimes(7, worked).transport).toBe('websocket')
  expect(failTimes(8, worked).transport).toBe('sse')
})

test('a success resets the failures', () => {
  expect(afterSuccess(failTimes(1))).toEqual({ transport: 'websocket', failures: 0, hasWorked: true, delay: 0 })
})

test('clients that lost the same server do not reconnect at the same instant', () => {
  const worked = afterSuccess(FIRST_ATTEMPT)

  expect(afterFailure(worked, 0).delay).toBe(250)
  expect(afterFailure(worked, 1).delay).toBe(500)
})
