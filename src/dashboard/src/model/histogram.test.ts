import { expect, test } from 'vitest'
import { countAll, countStatuses, roundUp, stack, startOfBars, toBuckets, type Bucket } from './histogram.ts'

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

test('a chart that is empty up to its last quarter could begin there', () => {
  const bars = (...counts: number[]): Bucket[] =>
    counts.map((count, at) => ({ start: at * 10, end: at * 10 + 10, counts: { FAILED: count } }))
  expect(startOfBars(bars(0, 0, 0, 2))).toBe(30)
  expect(startOfBars(bars(0, 0, 1, 2))).toBeNull()
  expect(startOfBars(bars(1, 0, 0, 2))).toBeNull()
  expect(startOfBars(bars(0, 0, 0, 0))).toBeNull()
})

test('the buckets of an answer have times in milliseconds, and counts by status', () => {
  const byStatus = [{ status: 'FAILED', count: 2 } as const]
  expect(toBuckets([{ start: '1970-01-01T00:00:00Z', end: '1970-01-01T00:00:01Z', byStatus }])).toEqual([
    { start: 0, end: 1000, counts: { FAILED: 2 } },
  ])
})
