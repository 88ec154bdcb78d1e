import { expect, test } from 'vitest'
import { countAll, countStatuses, roundUp, stack, type Bucket } from './histogram.ts'

const BUCKET: Bucket = { start: 0, end: 1, counts: { COMPLETED: 6, FAILED: 2, TIMED_OUT: 0 } }

test('a bar has failures at its bottom, and one part for each status', () => {
  expect(stack(BUCKET, 16)).toEqual([
    { status: 'FAILED', bottom: 0, top: 0.125 },
    { status: 'COMPLETED', bottom: 0.125, top: 0.5 },
  ])
  expect(stack({ ...BUCKET, counts: {} }, 0)).toEqual([])
})

test('statuses are counted over all buckets', () => {
  expect(countAll(BUCKET)).toBe(8)
  expect([...countStatuses([BUCKET, BUCKET])]).toEqual([
    ['COMPLETED', 12],
    ['FAILED', 4],
  ])
})

test.each([
  [0, 1],
  [1, 1],
  [3, 5],
  [21, 25],
  [0.03, 0.05],
  [1000, 1000],
  [612, 1000],
])('an axis up to %d ends at %d', (value, end) => {
  expect(roundUp(value)).toBeCloseTo(end, 9)
})
