import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Pace } from './pace.ts'

const PAUSE = 1000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function count(): { work: () => Promise<void>; times: () => number } {
  let times = 0
  const work = (): Promise<void> => {
    times++
    return Promise.resolve()
  }
  return { work, times: () => times }
}

test('the first need is met at once, and those within the pause by one run behind it', async () => {
  const { work, times } = count()
  const pace = new Pace(work, PAUSE)

  for (let need = 0; need < 5; need++) pace.need()
  expect(times()).toBe(1)
  await vi.advanceTimersByTimeAsync(PAUSE - 1)
  expect(times()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(times()).toBe(2)

  // Without a need there is no further run, and the next need is met at once.
  await vi.advanceTimersByTimeAsync(10 * PAUSE)
  expect(times()).toBe(2)
  pace.need()
  expect(times()).toBe(3)
})

test('the pause begins when the work has ended, and is longer the longer that took', async () => {
  let end = (): void => undefined
  let times = 0
  const pace = new Pace(() => {
    times++
    return new Promise((resolve) => (end = resolve))
  }, PAUSE)

  pace.need()
  pace.need()
  await vi.advanceTimersByTimeAsync(10 * PAUSE)
  expect(times).toBe(1)
  end()
  await vi.advanceTimersByTimeAsync(39 * PAUSE)
  expect(times).toBe(1)
  await vi.advanceTimersByTimeAsync(PAUSE)
  expect(times).toBe(2)
})

test('once stopped, it does nothing', async () => {
  const { work, times } = count()
  const pace = new Pace(work, PAUSE)

  pace.need()
  pace.need()
  pace.stop()
  await vi.advanceTimersByTimeAsync(10 * PAUSE)
  pace.need()
  expect(times()).toBe(1)
})
