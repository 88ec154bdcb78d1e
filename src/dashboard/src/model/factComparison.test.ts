import { expect, test } from 'vitest'
import { compareFacts, type ComparedExecution } from './factComparison.ts'

const RUN: ComparedExecution = {
  workflowName: 'ci-pipeline',
  status: 'COMPLETED',
  attempt: 1,
  triggeredBy: 'schedule',
  userId: 'ada',
  durationSeconds: 100,
  totalCost: 0.02,
  tokens: 1_000,
  stepsCompleted: 10,
  stepsFailed: 0,
  tags: [
    { key: 'team', value: 'data' },
    { key: 'git_sha', value: 'a1b2c3' },
  ],
  error: null,
}

test('equal executions differ in nothing, and neither do those that differ by noise', () => {
  expect(compareFacts(RUN, RUN)).toEqual([])
  expect(compareFacts(RUN, { ...RUN, durationSeconds: 110, totalCost: 0.021, tokens: 1_100 })).toEqual([])
})

test('status, error and the commit come first', () => {
  const failed: ComparedExecution = {
    ...RUN,
    status: 'FAILED',
    durationSeconds: 40,
    stepsCompleted: 2,
    stepsFailed: 1,
    tags: [
      { key: 'team', value: 'ops' },
      { key: 'git_sha', value: 'd4e5f6' },
      { key: 'host', value: 'h1' },
      { key: 'host', value: 'h2' },
    ],
    error: { message: 'exit 1', code: 'EXIT_1' },
  }
  expect(compareFacts(failed, RUN)).toEqual([
    { name: 'Status', one: 'Failed', other: 'Completed' },
    { name: 'Error', one: 'EXIT_1: exit 1', other: null },
    { name: 'Tag git_sha', one: 'd4e5f6', other: 'a1b2c3' },
    { name: 'Tag team', one: 'ops', other: 'data' },
    { name: 'Tag host', one: 'h1, h2', other: null },
    { name: 'Duration', one: '40 s', other: '1 m 40 s' },
    { name: 'Steps', one: '2, 1 failed', other: '10' },
  ])
})
