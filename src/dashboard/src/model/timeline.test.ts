import fc from 'fast-check'
import { expect, test } from 'vitest'
import { layOut, type TimedStep } from './timeline.ts'

const BEGIN = Date.parse('2026-11-01T12:00:00Z')

function step(stepId: string, from: number | null, to: number | null, dependsOn: string[] = []): TimedStep {
  const at = (seconds: number | null) => (seconds === null ? null : new Date(BEGIN + seconds * 1000).toISOString())
  return { stepId, startedAt: at(from), completedAt: at(to), dependsOn }
}

test('steps lie where they happened, as parts of the whole', () => {
  const { bars, begin, end } = layOut([step('a', 0, 10), step('b', 5, 20)], BEGIN + 99_000)

  expect([begin, end]).toEqual([BEGIN, BEGIN + 20_000])
  expect(bars.map((bar) => bar.place)).toEqual([
    { left: 0, width: 0.5 },
    { left: 0.25, width: 0.75 },
  ])
})

test('what runs lasts until now, and what has not begun has no place', () => {
  const { bars } = layOut([step('a', 0, 5), step('b', 5, null), step('c', null, null)], BEGIN + 10_000)

  expect(bars[1]?.place).toEqual({ left: 0.5, width: 0.5 })
  expect(bars[2]?.place).toBeNull()
})

test('a clock behind the engine’s turns nothing around', () => {
  expect(layOut([step('a', 10, null)], BEGIN).bars[0]?.place).toEqual({ left: 0, width: 0 })
})

test('marks are few and at even times', () => {
  const seconds = layOut([step('a', 0, 754)], BEGIN).ticks.map((tick) => tick.seconds)

  expect(seconds).toEqual([0, 120, 240, 360, 480, 600, 720])
})

test('a dependency joins two rows; one on nothing that is there joins none', () => {
  const steps = [step('a', 0, 1), step('b', 1, 2, ['a', 'gone', 'b'])]

  expect(layOut(steps, BEGIN).dependencies).toEqual([{ from: 0, to: 1 }])
})

test('whatever the times, every bar lies within the whole, and marks in their order', () => {
  const seconds = fc.option(fc.integer({ min: -1e6, max: 1e6 }))
  const steps = fc
    .array(fc.tuple(seconds, seconds))
    .map((pairs) => pairs.map(([from, to], index) => step(String(index), from, to)))

  fc.assert(
    fc.property(steps, fc.integer({ min: -1e6, max: 1e6 }), (given, now) => {
      const { bars, ticks } = layOut(given, BEGIN + now * 1000)
      for (const { place } of bars) {
        if (place === null) continue
        expect(place.left).toBeGreaterThanOrEqual(0)
        expect(place.width).toBeGreaterThanOrEqual(0)
        expect(place.left + place.width).toBeLessThanOrEqual(1 + 1e-9)
      }
      expect(ticks.length).toBeLessThanOrEqual(9)
      expect(ticks.every((tick) => tick.at >= 0 && tick.at <= 1 + 1e-9)).toBe(true)
    }),
  )
})
