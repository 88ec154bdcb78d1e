import { expect, test } from 'vitest'
import { drawMap } from './minimap.ts'
import { toRows } from './stepRows.ts'
import type { TimedStep } from './timeline.ts'

const START = Date.parse('2026-11-01T12:00:00Z')
const ALL = { from: START, to: START + 60_000 }

function step(stepId: string, from: number, to: number, status: TimedStep['status'] = 'COMPLETED'): TimedStep {
  const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()
  const times = { durationSeconds: null, startedAt: at(from), completedAt: at(to) }
  return { stepId, name: stepId, kind: null, attempt: 1, status, ...times, dependsOn: [] }
}

test('the map shows each step where it is in time and in the list', () => {
  expect(drawMap(toRows([step('a', 0, 30), step('b', 30, 60, 'FAILED')]), ALL, START)).toEqual([
    ['COMPLETED', 'M0 0h300v6h-300z'],
    ['FAILED', 'M300 6h300v6h-300z'],
  ])
})

test('thousands of steps on one spot are drawn once', () => {
  const steps = Array.from({ length: 10_000 }, (_, index) => step(`s${index}`, 0, 1))
  const [[, path] = ['', '']] = drawMap(toRows(steps), ALL, START)

  expect(path.split('M').length - 1).toBe(48)
})
