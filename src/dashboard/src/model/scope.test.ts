import { expect, test } from 'vitest'
import { DEFAULT_SCOPE, filterOf, parseScope, printScope } from './scope.ts'

const FAILED = { field: 'status', operator: 'in', values: ['FAILED'] } as const

test('a scope is printed into an address and parsed back', () => {
  const scope = { filter: FAILED, since: '2026-11-01T10:00:00Z', until: '-1h', zone: 'America/New_York' }
  const query = 'filter=status:in(FAILED)&since=2026-11-01T10:00:00Z&until=-1h&zone=America/New_York'

  expect(printScope(scope)).toBe(query)
  expect(parseScope(query)).toEqual({ scope, problem: null })
  expect(printScope(DEFAULT_SCOPE)).toBe('')
  expect(parseScope('tab=logs')).toEqual({ scope: DEFAULT_SCOPE, problem: null })
})

test('a time zone that is unknown is reported', () => {
  expect(parseScope('zone=Mars/Olympus&since=-1h')).toEqual({
    scope: { ...DEFAULT_SCOPE, since: '-1h' },
    problem: 'This link has "zone=Mars/Olympus", which is no time zone such as UTC or Europe/Berlin.',
  })
})

test('the time range of a scope narrows its filter', () => {
  expect(filterOf({ ...DEFAULT_SCOPE, since: '-24h' })).toEqual({
    field: 'createdAt',
    operator: 'gte',
    values: ['-24h'],
  })
  expect(filterOf({ ...DEFAULT_SCOPE, since: '-2d', until: '-1d' })).toEqual({
    all: [
      { field: 'createdAt', operator: 'gte', values: ['-2d'] },
      { field: 'createdAt', operator: 'lt', values: ['-1d'] },
    ],
  })
})
