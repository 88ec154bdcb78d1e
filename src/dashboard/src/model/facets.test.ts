import { expect, test } from 'vitest'
import { choiceOf, only, toggle, without } from './facets.ts'
import { EVERYTHING } from './filter.ts'
import { parseFilter, printFilter } from './filterText.ts'

test('clicks add values as alternatives, and a second click takes one away', () => {
  const failed = toggle(EVERYTHING, 'status', 'FAILED', 'included')
  const both = toggle(failed, 'status', 'TIMED_OUT', 'included')

  expect(printFilter(both)).toBe('status:in(FAILED,TIMED_OUT)')
  expect(printFilter(toggle(both, 'status', 'FAILED', 'included'))).toBe('status:in(TIMED_OUT)')
  expect(printFilter(toggle(failed, 'status', 'FAILED', 'included'))).toBe('')
})

test('a value is either included or excluded', () => {
  const included = toggle(EVERYTHING, 'workflowName', 'billing', 'included')
  const excluded = toggle(included, 'workflowName', 'billing', 'excluded')

  expect(printFilter(excluded)).toBe('workflowName:notIn(billing)')
  expect(choiceOf(excluded, 'workflowName')).toEqual({ included: [], excluded: ['billing'] })
})

test('having none is a value, too', () => {
  const none = toggle(EVERYTHING, 'errorCode', null, 'included')
  const either = toggle(none, 'errorCode', 'E1', 'included')

  expect(printFilter(none)).toBe('errorCode:isNull(true)')
  expect(printFilter(either)).toBe('any(errorCode:in(E1) errorCode:isNull(true))')
  expect(choiceOf(either, 'errorCode')).toEqual({ included: ['E1', null], excluded: [] })
  expect(printFilter(toggle(either, 'errorCode', null, 'excluded'))).toBe('errorCode:in(E1) errorCode:isNull(false)')
})

test('of tags all must be there', () => {
  const two = toggle(toggle(EVERYTHING, 'tags', 'team', 'included'), 'tags', 'env', 'included')

  expect(printFilter(two)).toBe('tags:has(team) tags:has(env)')
  expect(printFilter(toggle(two, 'tags', 'env', 'excluded'))).toBe('tags:has(team) not(tags:has(env))')
})

test('what was written by hand stays', () => {
  const byHand = parseFilter(
    'workflowName:contains(night) any(status:in(FAILED) workflowName:eq(x)) status:in(RUNNING)',
  )

  expect(choiceOf(byHand, 'status')).toEqual({ included: ['RUNNING'], excluded: [] })
  expect(printFilter(toggle(byHand, 'status', 'FAILED', 'included'))).toBe(
    'workflowName:contains(night) any(status:in(FAILED) workflowName:eq(x)) status:in(RUNNING,FAILED)',
  )
})

test('a cell narrows the list to its value, or to all others', () => {
  const filter = parseFilter('status:in(FAILED,TIMED_OUT) userId:eq(ada)')

  expect(printFilter(only(filter, 'status', 'FAILED'))).toBe('status:in(FAILED) userId:eq(ada)')
  expect(printFilter(without(filter, 'status', 'FAILED'))).toBe(
    'status:in(TIMED_OUT) status:notIn(FAILED) userId:eq(ada)',
  )
  expect(without(parseFilter('userId:notIn(ada)'), 'userId', 'ada')).toEqual(parseFilter('userId:notIn(ada)'))
})
