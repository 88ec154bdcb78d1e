import { expect, test } from 'vitest'
import { bandPath, linePath } from './lines.ts'

test('a line is interrupted where there is no value', () => {
  expect(linePath([1, 2, null, 4, null], 4)).toBe('M0.5 0.75L1.5 0.5M3.2 0h0.6')
  expect(linePath([], 1)).toBe('')
  // What is above the axis is at its end.
  expect(linePath([8, 0], 4)).toBe('M0.5 0L1.5 1')
})

test('a band is where both of its lines have values', () => {
  expect(bandPath([1, 1, null], [2, 4, 4], 4)).toBe('M0.5 0.5L1.5 0L1.5 0.75L0.5 0.75Z')
})
