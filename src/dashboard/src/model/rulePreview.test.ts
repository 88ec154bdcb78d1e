import { expect, test } from 'vitest'
import { countByDay, nameValue } from './rulePreview.ts'
import { NEW_RULE } from './ruleForm.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')

function firedAt(time: string) {
  return { group: null, firedAt: time, resolvedAt: null, value: null }
}

test('alerts are counted by day, and those of the edges too', () => {
  const times = ['2026-11-22T11:59:59Z', '2026-11-22T12:00:00Z', '2026-11-28T11:59:59Z', '2026-11-29T12:00:05Z']

  expect(countByDay(times.map(firedAt), NOW)).toEqual([2, 0, 0, 0, 0, 1, 1])
  expect(countByDay([], NOW)).toEqual([0, 0, 0, 0, 0, 0, 0])
})

test('a value is named in the unit of its rule', () => {
  expect(nameValue(NEW_RULE, 0.4251)).toBe('43 %')
  expect(nameValue({ ...NEW_RULE, sharePercent: '', countAbove: '2' }, 3)).toBe('3 executions')
  expect(nameValue({ ...NEW_RULE, kind: 'event' }, 1)).toBe('1 execution')
  expect(nameValue({ ...NEW_RULE, kind: 'sum' }, 12)).toBe('$12.00')
  expect(nameValue({ ...NEW_RULE, kind: 'sum', measure: 'TOKENS' }, 1200)).toBe('1,200 tokens')
  expect(nameValue({ ...NEW_RULE, kind: 'silence' }, null)).toBeNull()
})
