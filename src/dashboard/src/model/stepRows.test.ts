import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupRows, toRows, type RowStep } from './stepRows.ts'

function step(stepId: string, changes: Partial<RowStep> = {}): RowStep {
  return { stepId, name: stepId, kind: null, status: 'COMPLETED', attempt: 1, ...changes }
}

test('the attempts of a step share a row, in their order', () => {
  const rows = toRows([step('load', { attempt: 2, status: 'FAILED' }), step('sort'), step('load')])

  expect(rows.map((row) => [row.key, row.attempts.map((each) => each.attempt), row.latest.attempt])).toEqual([
    ['load', [1, 2], 2],
    ['sort', [1], 1],
  ])
})

test('steps whose names differ in numbers form a group, which shows its steps when it is open', () => {
  const rows = toRows([step('part 1'), step('sum'), step('part 2', { status: 'TIMED_OUT' })])

  const closed = groupRows(rows, 'name', new Set())
  expect(closed.map((row) => [row.type, row.key])).toEqual([
    ['group', 'group part #'],
    ['step', 'sum'],
  ])
  expect(closed[0]).toMatchObject({ name: 'part #', failed: 1, isOpen: false })
  expect(groupRows(rows, 'name', new Set(['part #'])).map((row) => row.key)).toEqual([
    'group part #',
    'part 1',
    'part 2',
    'sum',
  ])
})

test('whatever groups are made of, no step is lost and none is shown twice', () => {
  const steps = fc.array(fc.record({ number: fc.nat(9), kind: fc.constantFrom(null, 'a', 'b') }))
  fc.assert(
    fc.property(steps, fc.constantFrom('name' as const, 'kind' as const), (drawn, by) => {
      const rows = toRows(drawn.map(({ number, kind }, index) => step(`${number} ${index}`, { kind })))
      const grouped = groupRows(rows, by, new Set())
      const keys = grouped.flatMap((row) => (row.type === 'step' ? [row.key] : row.steps.map((each) => each.key)))
      expect([...keys].sort()).toEqual(rows.map((row) => row.key).sort())
    }),
  )
})
