import { expect, test } from 'vitest'
import { formatOffset } from './logTimes.ts'

test('offsets are exact to the millisecond', () => {
  const lengths = [0, 7, 12_345, 59_999, 60_000, 185_120, 2 * 3_600_000 + 61_001, -1]

  expect(lengths.map(formatOffset)).toEqual([
    '+0.000 s',
    '+0.007 s',
    '+12.345 s',
    '+59.999 s',
    '+1 m 00.000 s',
    '+3 m 05.120 s',
    '+2 h 01 m 01.001 s',
    '−0.001 s',
  ])
})
