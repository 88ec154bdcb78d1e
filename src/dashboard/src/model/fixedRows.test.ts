import { expect, test } from 'vitest'
import { topToShow, visibleRows, withMore, type Viewport } from './fixedRows.ts'

const AT_START: Viewport = { top: 0, height: 100, head: 20 }

test('rows that can be seen in part count, those under the head and below the end do not', () => {
  expect(visibleRows(AT_START, 20)).toEqual({ first: 0, end: 4 })
  expect(visibleRows({ ...AT_START, top: 30 }, 20)).toEqual({ first: 1, end: 6 })
  expect(visibleRows({ ...AT_START, height: 0 }, 20)).toEqual({ first: 0, end: 0 })
})

test('more rows are rendered on each side, as far as there are some', () => {
  expect(withMore({ first: 0, end: 4 }, 10, 12)).toEqual({ first: 0, end: 12 })
  expect(withMore({ first: 30, end: 34 }, 10, 1000)).toEqual({ first: 20, end: 44 })
  expect(withMore({ first: 30, end: 34 }, 10, 5)).toEqual({ first: 5, end: 5 })
})

test.each([
  ['is seen', 2, 30, 30],
  ['is above', 0, 30, 0],
  ['is half under the head', 1, 30, 20],
  ['is below', 9, 30, 120],
])('a row that %s is scrolled to no further than needed', (_, index, top, expected) => {
  expect(topToShow(index, { ...AT_START, top }, 20)).toBe(expected)
})
