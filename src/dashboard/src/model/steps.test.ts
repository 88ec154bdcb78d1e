import { expect, test } from 'vitest'
import { describeSteps, mergeSteps } from './steps.ts'

const step = (id: string, index: number, attempt: number, status = 'FAILED') => ({
  id,
  stepId: id.slice(0, -1),
  index,
  attempt,
  status,
})

test('attempts that are documents of their own stay beside each other, in their order', () => {
  const steps = mergeSteps([step('load2', 1, 2), step('extract1', 0, 1)], [step('load3', 1, 3), step('load1', 1, 1)])

  expect(steps.map((each) => each.id)).toEqual(['extract1', 'load1', 'load2', 'load3'])
})

test('a step that changed takes its own place', () => {
  const steps = mergeSteps([step('a1', 0, 1), step('b1', 1, 1)], [step('a1', 0, 2, 'RUNNING')])

  expect(steps.map((each) => [each.id, each.status])).toEqual([
    ['a1', 'RUNNING'],
    ['b1', 'FAILED'],
  ])
})

test('what is not shown is said, with how many where that is known', () => {
  expect(describeSteps(1, 'none', 0)).toBe('1 step')
  expect(describeSteps(100, 'loading', 5_000)).toBe('100 steps of 5,000, loading more …')
  expect(describeSteps(20_000, 'left out', 25_000)).toBe(
    '20,000 steps of 25,000; 5,000 not shown, except for failed ones',
  )
  expect(describeSteps(20_000, 'left out', 0)).toBe('20,000 steps; further steps not shown, except for failed ones')
})
