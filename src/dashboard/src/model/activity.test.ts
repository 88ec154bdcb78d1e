import { expect, test } from 'vitest'
import { applyActivity, beginActivity, MOST_LINES, type Activity } from './activity.ts'

interface Step {
  stepId: string
  index: number
  status: string
}
const NOTHING: Activity<string, Step, string> = beginActivity()

function stepOf(stepId: string, index: number, status = 'RUNNING'): { kind: 'step'; step: Step } {
  return { kind: 'step', step: { stepId, index, status } }
}

test('steps stand in the order of the workflow, each as it was told last', () => {
  const known = applyActivity(NOTHING, [stepOf('b', 1), stepOf('a', 0), stepOf('b', 1, 'FAILED')])

  expect(known.steps).toEqual([
    { stepId: 'a', index: 0, status: 'RUNNING' },
    { stepId: 'b', index: 1, status: 'FAILED' },
  ])
})

test('lines follow one another, and of too many the oldest go', () => {
  const many = Array.from({ length: MOST_LINES + 2 }, (_, index) => ({ kind: 'line', line: String(index) }) as const)

  const { lines } = applyActivity(NOTHING, many)

  expect(lines.length).toBe(MOST_LINES)
  expect(lines[0]).toBe('2')
})

test('what begins anew replaces what was known, not the execution', () => {
  const before = applyActivity(NOTHING, [
    { kind: 'execution', execution: 'first' },
    stepOf('a', 0),
    { kind: 'line', line: 'old' },
  ])

  const after = applyActivity(before, [{ kind: 'begin' }, stepOf('b', 1), { kind: 'line', line: 'new' }])

  expect(after).toMatchObject({ execution: 'first', lines: ['new'] })
  expect(after.steps.map((step) => step.stepId)).toEqual(['b'])
})

test('an execution that is gone stays as it was, and is said to be gone', () => {
  const known = applyActivity(NOTHING, [{ kind: 'execution', execution: 'it' }, { kind: 'gone' }])

  expect(known).toMatchObject({ execution: 'it', isGone: true })
})
