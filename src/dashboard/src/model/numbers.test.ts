import { describe, expect, test } from 'vitest'
import { formatBriefly, formatCost, formatDuration, formatElapsed, formatTotal } from './numbers.ts'

describe('durations', () => {
  test.each([
    [0, '0 s'],
    [0.0123, '12 ms'],
    [0.9994, '999 ms'],
    [1.25, '1.3 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 m 00 s'],
    [185, '3 m 05 s'],
    [3599.9, '1 h 00 m'],
    [7805, '2 h 10 m'],
    [356_400, '4 d 03 h'],
  ])('%f seconds are shown as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })
})

describe('costs', () => {
  test.each([
    [0, '$0'],
    [0.00001, '<$0.0001'],
    [0.0123, '$0.0123'],
    [1.5, '$1.50'],
    [12_345.6, '$12,346'],
  ])('%f dollars are shown as %s', (dollars, text) => {
    expect(formatCost(dollars)).toBe(text)
  })
})

test('a total that is not exact says so', () => {
  expect(formatTotal(1204, true)).toBe('1,204')
  expect(formatTotal(10_000, false)).toBe('more than 10,000')
})

test('tokens are shown briefly', () => {
  expect(formatBriefly(950)).toBe('950')
  expect(formatBriefly(15_300)).toBe('15.3K')
})

test('elapsed time is shown in whole seconds, and never negative', () => {
  expect(formatElapsed(-3)).toBe('0 s')
  expect(formatElapsed(4.9)).toBe('4 s')
  expect(formatElapsed(65.9)).toBe('1 m 05 s')
})
