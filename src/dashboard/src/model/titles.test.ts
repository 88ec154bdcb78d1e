import { expect, test } from 'vitest'
import { EVERYTHING } from './filter.ts'
import { titleOfExecution, titleOfList } from './titles.ts'

test('the title of the list names its filter and counts new executions', () => {
  const failed = { field: 'status', operator: 'in', values: ['FAILED'] } as const
  const long = { field: 'workflowName', operator: 'contains', values: ['x'.repeat(200)] } as const

  expect(titleOfList(EVERYTHING, 0)).toBe('Executions – Execution Monitor')
  expect(titleOfList(failed, 3)).toBe('(3) Status is Failed – Execution Monitor')
  expect(titleOfList({ any: [failed, long] }, 0)).toBe('… – Execution Monitor')
  expect(titleOfList({ all: [failed, long] }, 0)).toMatch(
    /^Status is Failed, Workflow contains x+… – Execution Monitor$/,
  )
})

test('the title of an execution tells its state', () => {
  expect(titleOfExecution('ci-pipeline', 'FAILED')).toBe('✗ ci-pipeline failed – Execution Monitor')
  expect(titleOfExecution('billing', 'PAUSED')).toBe('billing paused – Execution Monitor')
})
