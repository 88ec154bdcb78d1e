import { expect, test } from 'vitest'
import { COLUMNS, DEFAULT_COLUMNS, fitColumns, withSortedTime } from './columns.ts'

test('all columns are shown where there is room', () => {
  expect(fitColumns(DEFAULT_COLUMNS, 1440)).toEqual(DEFAULT_COLUMNS)
})

test('on a narrow screen columns give way, and the error stays', () => {
  expect(fitColumns(DEFAULT_COLUMNS, 1024)).toEqual([
    'status',
    'workflow',
    'who',
    'created',
    'duration',
    'progress',
    'error',
  ])
  expect(fitColumns(COLUMNS, 700)).toEqual(['status', 'workflow', 'created', 'error'])
  expect(fitColumns(COLUMNS, 600)).toEqual(['status', 'workflow', 'error'])
})

test('the column that the list is sorted by stays', () => {
  expect(fitColumns(DEFAULT_COLUMNS, 1024, 'TOTAL_COST')).toContain('cost')
})

test('a list shows the time that it is sorted by', () => {
  expect(withSortedTime(DEFAULT_COLUMNS, 'STARTED_AT')).toEqual(
    DEFAULT_COLUMNS.map((column) => (column === 'created' ? 'started' : column)),
  )
  expect(withSortedTime(['created', 'started'], 'STARTED_AT')).toEqual(['created', 'started'])
  expect(withSortedTime(DEFAULT_COLUMNS, 'CREATED_AT')).toBe(DEFAULT_COLUMNS)
})
