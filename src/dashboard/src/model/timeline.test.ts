import fc from 'fast-check'
import { expect, test } from 'vitest'
import { layOut, type TimedStep } from './timeline.ts'

const START = Date.UTC(2026, 10, 23, 12)

function step(stepId: string, from: number | null, to: number | null): TimedStep {
  const at = (second: number | null): string | null =>
    second === null ? null : new Date(START + second * 1000).toISOString()
  return { stepId, startedAt: at(from), completedAt: at(to) }
}

test('bars lie where the steps lay in time', () => {
  const { bars, seconds } = layOut([step('a', 0, 4), step('b', 4, 10)], null, START + 60_000)

  expect(seconds).toBe(10)
  expect(bars.get('a')).toEqual({ stepId: 'a', start: 0, length: 0.4 })
  expect(bars.get('b')).toEqual({ stepId: 'b', start: 0.4, length: 0.6 })
})

test('a step that runs ends now, and one that waits has no bar', () => {
  const { bars, seconds } = layOut([step('a', 0, 5), step('b', 5, null), step('c', null, null)], null, START + 20_000)

  expect(seconds).toBe(20)
  expect(bars.get('b')?.length).toBe(0.75)
  expect(bars.has('c')).toBe(false)
})

test('what passed before the first step is part of the whole', () => {
  expect(layOut([step('a', 5, 10)], START, START).bars.get('a')?.start).toBe(0.5)
})

test('nothing has begun: there is nothing to draw', () => {
  expect(layOut([step('a', null, null)], null, START)).toEqual({ bars: new Map(), seconds: 0 })
})

test('every bar can be seen and stays within the whole, even where clocks disagree', () => {
  const seconds = fc.option(fc.integer({ min: -100, max: 100 }))
  fc.assert(
    fc.property(fc.array(fc.tuple(seconds, seconds)), fc.integer({ min: -50, max: 200 }), (spans, now) => {
      const steps = spans.map(([from, to], index) => step(String(index), from, to))

      for (const bar of layOut(steps, null, START + now * 1000).bars.values()) {
        expect(bar.length).toBeGreaterThan(0)
        expect(bar.start).toBeGreaterThanOrEqual(0)
        expect(bar.start + bar.length).toBeLessThanOrEqual(1 + 1e-9)
      }
    }),
  )
})
