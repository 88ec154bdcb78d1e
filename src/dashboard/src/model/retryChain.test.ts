import { expect, test } from 'vitest'
import { describeOutcome, nameRun, repeatedBy, type ChainedRun } from './retryChain.ts'

function run(attempt: number, status: ChainedRun['status'], durationSeconds: number | null = null): ChainedRun {
  return { executionId: `run-${attempt}`, status, attempt, durationSeconds }
}

test('the chain leads from the latest to the first', () => {
  const chain = repeatedBy({ ...run(2, 'FAILED'), retryOf: { ...run(1, 'FAILED'), retryOf: null } })

  expect(chain.map((each) => each.executionId)).toEqual(['run-2', 'run-1'])
  expect(repeatedBy(null)).toEqual([])
})

test('a run is named by its attempt and how it ended', () => {
  expect(nameRun(run(1, 'FAILED', 12))).toBe('attempt 1 (failed after 12 s)')
  expect(nameRun(run(2, 'RUNNING', 5))).toBe('attempt 2 (running)')
  expect(nameRun(run(3, 'CANCELLED'))).toBe('attempt 3 (cancelled)')
})

test('the outcome of retries is told of what failed alone', () => {
  expect(describeOutcome('FAILED', [run(2, 'FAILED'), run(3, 'COMPLETED')], null)).toBe('The retry succeeded.')
  expect(describeOutcome('FAILED', [run(2, 'FAILED')], 'run-4')).toBe('The retry succeeded.')
  expect(describeOutcome('FAILED', [run(2, 'TIMED_OUT')], null)).toBe('No retry has succeeded.')
  expect(describeOutcome('FAILED', [run(2, 'RUNNING')], null)).toBe('The last retry has not ended yet.')
  expect(describeOutcome('FAILED', [], null)).toBeNull()
  expect(describeOutcome('FAILED', [], null, [run(1, 'FAILED')])).toBe('No retry has succeeded.')
  expect(describeOutcome('COMPLETED', [run(2, 'FAILED')], null)).toBeNull()
})
