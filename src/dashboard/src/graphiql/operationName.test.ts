import { expect, test } from 'vitest'
import { withOperationName } from './operationName.ts'

const TWO = 'query A { viewer { userId } } query B { viewer { tenantId } }'

test.each([
  ['the only operation, whatever name was requested', 'query A { viewer { userId } }', 'Other', 'A'],
  ['the only operation, which has no name', '{ viewer { userId } }', 'Other', null],
  ['an operation beside a fragment', 'query A { viewer { ...F } } fragment F on Viewer { userId }', null, 'A'],
  ['the requested one of several operations', TWO, 'B', 'B'],
  ['the requested one where the document is not valid', '{', 'Other', 'Other'],
])('names %s', (_, query, operationName, expected) => {
  expect(withOperationName({ query, operationName }).request.operationName).toBe(expected)
})

test('returns the parsed document, or null', () => {
  expect(withOperationName({ query: TWO }).document?.definitions).toHaveLength(2)
  expect(withOperationName({ query: '{' }).document).toBeNull()
})
