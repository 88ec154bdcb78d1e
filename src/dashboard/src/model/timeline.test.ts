import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toRows } from './stepRows.ts'
import { dependenciesOf, indexRows, rangeOf, spanOf, spanOfGroup, ticksOf, type TimedStep } from './timeline.ts'

const START = Date.parse('2026-11-01T12:00:00Z')

function step(stepId: string, from: number | null, to: number | null, dependsOn: string[] = []): TimedStep {
  const at = (seconds: number | null) => (seconds === null ? null : new Date(START + seconds * 1000).toISOString())
  const status = to === null ? 'RUNNING' : 'COMPLETED'
  const times = { durationSeconds: null, startedAt: at(from), completedAt: at(to) }
  return { stepId, name: stepId, kind: null, attempt: 1, status, ...times, dependsOn }
}

test('the timeline lasts from the first start to the last end', () => {
  expect(rangeOf([step('a', 0, 10), step('b', 5, 20)], START + 99_000)).toEqual({ from: START, to: START + 20_000 })
  expect(spanOfGroup(toRows([step('a', 2, 4), step('b', 3, 9), step('c', null, null)]), START)).toEqual({
    from: START + 2_000,
    to: START + 9_000,
  })
  expect(spanOfGroup(toRows([step('c', null, null)]), START)).toBeNull()
})

test('a running step lasts until now, and one that has not started has no time', () => {
  expect(spanOf(step('b', 5, null), START + 10_000)).toEqual({ from: START + 5_000, to: START + 10_000 })
  expect(spanOf(step('c', null, null), START + 10_000)).toBeNull()
})

test('a clock slower than the engine’s gives no negative length', () => {
  expect(spanOf(step('a', 10, null), START)).toEqual({ from: START + 10_000, to: START + 10_000 })
})

test('a step that ended at no known time lasts as long as it took', () => {
  const ended = { ...step('a', 0, null), status: 'FAILED', durationSeconds: 4 } as const

  expect(spanOf(ended, START + 99_000)).toEqual({ from: START, to: START + 4_000 })
})

test('ticks are at round times since the start, and name what tells them apart', () => {
  const minute = { from: START, to: START + 60_000 }
  expect(ticksOf(minute, START).map((tick) => tick.name)).toEqual([
    '0',
    '10 s',
    '20 s',
    '30 s',
    '40 s',
    '50 s',
    '1 m 00 s',
  ])

  const detail = { from: START + 75_120, to: START + 75_170 }
  const names = ticksOf(detail, START).map((tick) => tick.name)
  expect(names).toEqual(['1 m 15.12 s', '1 m 15.13 s', '1 m 15.14 s', '1 m 15.15 s', '1 m 15.16 s', '1 m 15.17 s'])
})

test('there are between one and nine ticks, on the axis, whatever it shows', () => {
  const lengths = fc.double({ min: 5, max: 90 * 86_400_000, noNaN: true })
  fc.assert(
    fc.property(lengths, fc.double({ min: 0, max: 1e9, noNaN: true }), (length, offset) => {
      const from = START + offset
      const ticks = ticksOf({ from, to: from + length }, START)
      expect(ticks.length).toBeLessThanOrEqual(9)
      expect(ticks.length).toBeGreaterThan(0)
      expect(ticks.every(({ position }) => position > -0.001 && position < 1.001)).toBe(true)
    }),
  )
})

test('dependencies are drawn to the rows in sight, those of the selected step in both directions and last', () => {
  const rows = toRows([
    step('a', 0, 1),
    step('b', 1, 2, ['a']),
    step('c', 2, 3, ['b', 'gone']),
    step('d', 3, 4, ['a', 'd']),
  ])
  const byId = indexRows(rows)

  expect(dependenciesOf(rows, byId, { first: 1, last: 3, selected: -1 })).toEqual([
    { from: 0, to: 1 },
    { from: 1, to: 2 },
    { from: 0, to: 3 },
  ])
  expect(dependenciesOf(rows, byId, { first: 2, last: 3, selected: 1 })).toEqual([
    { from: 0, to: 3 },
    { from: 1, to: 2 },
    { from: 0, to: 1 },
  ])
})
