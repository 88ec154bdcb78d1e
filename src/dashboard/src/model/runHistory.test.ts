import { describe, expect, it } from 'vitest'
import { choose, failuresIn, heightsOf, placeAfter } from './runHistory.ts'

describe('the runs to compare', () => {
  it('are the last two that were chosen', () => {
    expect(choose([], 'a')).toEqual(['a'])
    expect(choose(['a'], 'b')).toEqual(['a', 'b'])
    expect(choose(['a', 'b'], 'c')).toEqual(['b', 'c'])
  })

  it('are no longer chosen when they are chosen again', () => {
    expect(choose(['a', 'b'], 'a')).toEqual(['b'])
    expect(choose(['a'], 'a')).toEqual([])
  })
})

describe('the bars of a history', () => {
  it('are as high as the runs were long', () => {
    expect(heightsOf([10, 5, null, 0.01])).toEqual([1, 0.5, 0.08, 0.08])
  })

  it('are all low where no run has a duration', () => {
    expect(heightsOf([null, 0])).toEqual([0.08, 0.08])
    expect(heightsOf([])).toEqual([])
  })

  it('are reached by arrows, Home and End, and not beyond the first and last', () => {
    const keys = ['ArrowLeft', 'ArrowRight', 'Home', 'End', 'x']

    expect(keys.map((key) => placeAfter(key, 0, 3))).toEqual([0, 1, 0, 2, null])
    expect(keys.map((key) => placeAfter(key, 2, 3))).toEqual([1, 2, 0, 2, null])
  })
})

it('counts as failures what failed or timed out', () => {
  const byStatus = [
    { status: 'FAILED', count: 2 },
    { status: 'TIMED_OUT', count: 3 },
    { status: 'CANCELLED', count: 5 },
    { status: 'COMPLETED', count: 7 },
  ] as const

  expect(failuresIn(byStatus)).toBe(5)
  expect(failuresIn([])).toBe(0)
})
