import { expect, test } from 'vitest'
import { criticalPathOf } from './criticalPath.ts'
import { toRows } from './stepRows.ts'
import type { TimedStep } from './timeline.ts'

const START = Date.parse('2026-11-01T12:00:00Z')

function step(stepId: string, from: number | null, to: number, dependsOn: string[] = [], attempt = 1): TimedStep {
  const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()
  const times = { durationSeconds: null, startedAt: from === null ? null : at(from), completedAt: at(to) }
  return { stepId, name: stepId, kind: null, attempt, status: 'COMPLETED', ...times, dependsOn }
}

test('the critical path is that of the dependencies that ended last, with all attempts', () => {
  const steps = [
    step('a', 0, 10),
    step('quick', 0, 2),
    step('b', 10, 12, ['a', 'quick']),
    step('b', 13, 20, ['a', 'quick'], 2),
    step('aside', 10, 15, ['a']),
    step('c', 20, 25, ['b', 'aside']),
  ]
  const path = criticalPathOf(toRows(steps), START)

  expect([...(path?.stepIds ?? [])]).toEqual(['c', 'b', 'a'])
  expect(path?.seconds).toBe(25)
})

test('there is none without dependencies between steps that ran, and a cycle ends it', () => {
  expect(criticalPathOf(toRows([step('a', 0, 1), step('b', 1, 2)]), START)).toBeNull()
  expect(criticalPathOf(toRows([step('a', null, 1), step('b', 1, 2, ['a'])]), START)).toBeNull()
  const cycle = criticalPathOf(toRows([step('a', 0, 1, ['b']), step('b', 1, 2, ['a'])]), START)
  expect([...(cycle?.stepIds ?? [])]).toEqual(['b', 'a'])
})
