import { afterEach, expect, test } from 'vitest'
import { en } from '../messages/en/index.ts'
import { setMessages } from '../messages/messages.ts'
import { vi } from '../messages/vi/index.ts'
import { nameColumn } from './columns.ts'
import { describeCondition } from './filter.ts'
import { parseFilter } from './filterText.ts'
import { describeLive } from './liveStatus.ts'
import { formatCount, formatTotal } from './numbers.ts'
import { nameOrder } from './sorting.ts'
import { nameStatus } from './status.ts'

afterEach(() => setMessages(en))

test('models speak the language that is chosen after they were loaded', () => {
  expect(nameStatus('FAILED')).toBe('Failed')
  setMessages(vi)

  expect(nameStatus('FAILED')).toBe('Thất bại')
  expect(nameColumn('error')).toBe('Lỗi')
  expect(nameOrder({ field: 'CREATED_AT', direction: 'DESC' })).toBe('Mới nhất trước')
  expect(describeCondition({ field: 'startedAt', operator: 'gte', values: ['2026-11-01T10:30:00Z'] })).toMatchObject({
    field: 'Bắt đầu',
    operator: 'từ',
  })
  expect(describeLive('live', 0).name).toBe('Trực tiếp')
  expect(() => parseFilter('colour:eq(red)')).toThrow('Trường không tồn tại: colour.')
})

test('numbers are written as in the language', () => {
  expect(formatTotal(10_000, false)).toBe('more than 10,000')
  setMessages(vi)

  expect(formatCount(1_204)).toBe('1.204')
  expect(formatTotal(10_000, false)).toBe('hơn 10.000')
})
