import { expect, test } from 'vitest'
import { describeRetry, splitRetries } from './retries.ts'

test('a later attempt of the same workflow is a retry, and another workflow is a child', () => {
  const own = { workflowName: 'agent', attempt: 1 }
  const [retry, other, sibling] = [{ ...own, attempt: 2 }, { workflowName: 'mail', attempt: 2 }, { ...own }]

  expect(splitRetries(own, [retry, other, sibling])).toEqual({ retries: [retry], children: [other, sibling] })
})

test('a retry tells how it went', () => {
  const retry = { workflowName: 'agent', attempt: 2, durationSeconds: 30 }

  expect(describeRetry({ ...retry, status: 'COMPLETED' })).toBe('attempt 2 completed in 30 s')
  expect(describeRetry({ ...retry, status: 'RUNNING' })).toBe('attempt 2 running')
})
