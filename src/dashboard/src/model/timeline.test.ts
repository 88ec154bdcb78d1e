import fc from 'fast-check'
import { expect, test } from 'vitest'
import { layOut, type TimedStep } from './timeline.ts'

const START = Date.parse('2026-11-01T12:00:00Z')

function step(stepId: string, from: number | null, to: number | null, dependsOn: string[] = []): TimedStep {
  const at = (seconds: number | null) => (seconds === null ? null : new Date(START + seconds * 1000).toISOString())
  const status = to === null ? 'RUNNING' : 'COMPLETED'
  return { stepId, status, durationSeconds: null, startedAt: at(from), completedAt: at(to), dependsOn }
}

test('bars are placed by time, as fractions of the timeline', () => {
  const { bars, start, end } = layOut([step('a', 0, 10), step('b', 5, 20)], START + 99_000)

  expect([start, end]).toEqual([START, START + 20_000])
  expect(bars.map((bar) => bar.position)).toEqual([
    { left: 0, width: 0.5 },
    { left: 0.25, width: 0.75 },
  ])
})

test('a running step lasts until now, and one that has not started has no position', () => {
  const { bars } = layOut([step('a', 0, 5), step('b', 5, null), step('c', null, null)], START + 10_000)

  expect(bars[1]?.position).toEqual({ left: 0.5, width: 0.5 })
  expect(bars[2]?.position).toBeNull()
})

test('a clock slower than the engine’s gives no negative width', () => {
  expect(layOut([step('a', 10, null)], START).bars[0]?.position).toEqual({ left: 0, width: 0 })
})

test('a step that ended at no known time lasts as long as it took', () => {
  const ended = { ...step('a', 0, null), status: 'FAILED', durationSeconds: 4 } as const

  expect(layOut([ended, step('b', 0, 8)], START + 99_000).bars[0]?.position).toEqual({ left: 0, width: 0.5 })
})

test('ticks are few and at round times', () => {
  const seconds = layOut([step('a', 0, 754)], START).ticks.map((tick) => tick.seconds)

  expect(seconds).toEqual([0, 120, 240, 360, 480, 600, 720])
})

test('a dependency joins two rows, and is left out where one is missing', () => {
  const steps = [step('a', 0, 1), step('b', 1, 2, ['a', 'missing', 'b'])]

  expect(layOut(steps, START).dependencies).toEqual([{ from: 0, to: 1 }])
})

test('every bar and tick lies within the timeline, whatever the times', () => {
  const seconds = fc.option(fc.integer({ min: -1e6, max: 1e6 }))
  const steps = fc
    .array(fc.tuple(seconds, seconds))
    .map((pairs) => pairs.map(([from, to], index) => step(String(index), from, to)))

  fc.assert(
    fc.property(steps, fc.integer({ min: -1e6, max: 1e6 }), (generated, now) => {
      const { bars, ticks } = layOut(generated, START + now * 1000)
      for (const { position } of bars) {
        if (position === null) continue
        expect(position.left).toBeGreaterThanOrEqual(0)
        expect(position.width).toBeGreaterThanOrEqual(0)
        expect(position.left + position.width).toBeLessThanOrEqual(1 + 1e-9)
      }
      expect(ticks.length).toBeLessThanOrEqual(9)
      expect(ticks.every((tick) => tick.position >= 0 && tick.position <= 1 + 1e-9)).toBe(true)
    }),
  )
})
