import { expect, test } from 'vitest'
import { addRecoveries, describeRetry, splitRetries, type Repetition } from './retries.ts'

test('a later attempt of the same workflow is a retry, and another workflow is a child', () => {
  const own = { workflowName: 'agent', attempt: 1 }
  const retry = { ...own, executionId: 'b', attempt: 2 }
  const other = { workflowName: 'mail', executionId: 'c', attempt: 2 }
  const sibling = { ...own, executionId: 'd' }

  expect(splitRetries(own, [retry, other, sibling])).toEqual({ retries: [retry], children: [other, sibling] })
  // A retry may be a child, too.
  expect(splitRetries(own, [retry, other, sibling], [sibling, retry])).toEqual({
    retries: [sibling, retry],
    children: [other],
  })
})

test('a retry tells how it went', () => {
  const retry = { workflowName: 'agent', attempt: 2, durationSeconds: 30 }

  expect(describeRetry({ ...retry, status: 'COMPLETED' })).toBe('attempt 2 completed in 30 s')
  expect(describeRetry({ ...retry, status: 'RUNNING' })).toBe('attempt 2 running')
})

const run = (executionId: string, more: Partial<Repetition> = {}): Repetition => ({
  executionId,
  workflowName: 'agent',
  attempt: 1,
  status: 'FAILED',
  parentExecutionId: null,
  retryOfExecutionId: null,
  ...more,
})
const recover = (rows: readonly Repetition[], changed: Repetition, known: ReadonlyMap<string, string> = new Map()) =>
  Object.fromEntries(
    addRecoveries(known, [changed], () => new Map([...rows, changed].map((row) => [row.executionId, row]))),
  )
const done = { status: 'COMPLETED' } as const

test('a retry that completes recovers what it names, or its parent of a lower attempt', () => {
  expect(recover([run('a')], run('b', { ...done, retryOfExecutionId: 'a' }))).toEqual({ a: 'b' })
  expect(recover([run('a')], run('b', { ...done, parentExecutionId: 'a', attempt: 2 }))).toEqual({ a: 'b' })
  expect(recover([run('a')], run('b', { ...done, parentExecutionId: 'a' }))).toEqual({})
  expect(recover([run('a')], run('b', { ...done, parentExecutionId: 'a', attempt: 2, workflowName: 'mail' }))).toEqual(
    {},
  )
})

test('a retry that has not completed, or of what is not loaded, recovers nothing', () => {
  expect(recover([run('a')], run('b', { status: 'RUNNING', retryOfExecutionId: 'a' }))).toEqual({})
  expect(recover([run('a')], run('b', { retryOfExecutionId: 'a' }))).toEqual({})
  expect(recover([], run('b', { ...done, retryOfExecutionId: 'a' }))).toEqual({})
  expect(recover([run('a', done)], run('b', { ...done, retryOfExecutionId: 'a' }))).toEqual({})
})

test('a retry recovers the attempts before the one that it repeats, and the first recovery stays', () => {
  const chain = [run('a'), run('b', { retryOfExecutionId: 'a' })]

  expect(recover(chain, run('c', { ...done, retryOfExecutionId: 'b' }))).toEqual({ a: 'c', b: 'c' })
  expect(recover(chain, run('c', { ...done, retryOfExecutionId: 'b' }), new Map([['a', 'x']]))).toEqual({
    a: 'x',
    b: 'c',
  })
})

test('retries in a circle end', () => {
  const circle = [run('a', { retryOfExecutionId: 'b' }), run('b', { retryOfExecutionId: 'a' })]

  expect(recover(circle, run('c', { ...done, retryOfExecutionId: 'b' }))).toEqual({ a: 'c', b: 'c' })
})
