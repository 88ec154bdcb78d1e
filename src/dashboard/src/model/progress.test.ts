import { expect, test } from 'vitest'
import { describeProgress } from './progress.ts'

const at = (currentStep: number, totalSteps: number, percentage: number) => ({ currentStep, totalSteps, percentage })

test('progress counts the steps that are done, not those that have begun', () => {
  expect(describeProgress({ progress: at(8, 10, 20), stepsCompleted: 2, stepsFailed: 1 })).toEqual({
    count: '2/10',
    details: '20 %, at step 8, 1 step failed',
  })
  expect(describeProgress({ progress: at(4, 4, 100), stepsCompleted: 4, stepsFailed: 0 })).toEqual({
    count: '4/4',
    details: '100 %',
  })
})

test('where no steps are counted, the share counts', () => {
  expect(describeProgress({ progress: at(3, 4, 50), stepsCompleted: 0, stepsFailed: 0 })?.count).toBe('2/4')
})

test('an execution of an unknown number of steps has none', () => {
  expect(describeProgress({ progress: at(3, 0, 0), stepsCompleted: 0, stepsFailed: 0 })).toBeNull()
})
