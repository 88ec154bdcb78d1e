import { expect, test } from 'vitest'
import { facetOf, textOf, type Shown } from './cells.ts'

const ROW: Shown = {
  executionId: 'e1',
  workflowName: 'billing',
  status: 'TIMED_OUT',
  createdAt: '2026-11-01T10:30:00Z',
  startedAt: null,
  completedAt: null,
  durationSeconds: 90.25,
  attempt: 2,
  triggeredBy: null,
  userId: 'ada',
  totalCost: 0.000025,
  tokens: 9007199254740992,
  stepsCompleted: 2,
  progress: { totalSteps: 10 },
  error: { message: 'too slow', code: 'E1' },
  tags: [{ key: 'team', value: 'data' }],
}

test('a cell is filtered by its value, and an error by its code', () => {
  expect(facetOf(ROW, 'status')).toEqual({ field: 'status', value: 'TIMED_OUT', name: 'Timed out' })
  expect(facetOf(ROW, 'error')?.value).toBe('E1')
  expect(facetOf({ ...ROW, error: { message: 'too slow', code: null } }, 'error')).toBeNull()
  expect(facetOf(ROW, 'created')).toBeNull()
})

test('the owner stands for what started an execution where that is not known', () => {
  expect(facetOf(ROW, 'who')?.field).toBe('userId')
  expect(facetOf({ ...ROW, triggeredBy: 'schedule' }, 'who')).toMatchObject({ field: 'triggeredBy', value: 'schedule' })
})

test('what is copied is exact', () => {
  expect([textOf(ROW, 'duration'), textOf(ROW, 'tokens'), textOf(ROW, 'cost')]).toEqual([
    '90.25',
    '9007199254740992',
    '0.000025',
  ])
  expect([textOf(ROW, 'started'), textOf(ROW, 'progress'), textOf(ROW, 'tags')]).toEqual(['', '2/10', 'team=data'])
})
