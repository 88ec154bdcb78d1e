import { expect, test } from 'vitest'
import { change, parseSelection, printSelection } from './detailSelection.ts'

const ALL = { tab: 'logs', step: 's 1&2', attempt: 2, line: '1793534400007-1f3a' } as const

test('an address keeps the selection, and what else it holds', () => {
  const search = printSelection(ALL, '?id=..&step=old')

  expect(search).toBe('id=..&step=s+1%262&tab=logs&attempt=2&line=1793534400007-1f3a')
  expect(parseSelection(search)).toEqual(ALL)
})

test('what is as usual is left out, and what is not valid is as usual', () => {
  const none = { tab: 'timeline', step: null, attempt: null, line: null } as const

  expect(printSelection(none, 'tab=logs&step=s1&attempt=1')).toBe('')
  expect(parseSelection('tab=nothing&attempt=-1')).toEqual(none)
  // An attempt of no step.
  expect(parseSelection('attempt=2')).toEqual(none)
})

test('another step has its own attempts and lines', () => {
  expect(change(ALL, { step: 's2' })).toEqual({ tab: 'logs', step: 's2', attempt: null, line: null })
  expect(change(ALL, { step: 's2', attempt: 1 })).toMatchObject({ step: 's2', attempt: 1 })
  expect(change(ALL, { tab: 'graph' })).toEqual({ ...ALL, tab: 'graph' })
})
