import { expect, test } from 'vitest'
import { withOperationName } from './operationName.ts'

const TWO = 'query A { viewer { userId } } query B { viewer { tenantId } }'

test.each([
  ['the only operation, whatever is asked for', 'query A { viewer { userId } }', 'Other', 'A'],
  ['the only operation, which has no name', '{ viewer { userId } }', 'Other', null],
  ['an operation beside a fragment', 'query A { viewer { ...F } } fragment F on Viewer { userId }', null, 'A'],
  ['the one of several that is asked for', TWO, 'B', 'B'],
  ['what is no document', '{', 'Other', 'Other'],
])('names %s', (_, query, operationName, expected) => {
  expect(withOperationName({ query, operationName }).asked.operationName).toBe(expected)
})

test('reads the document once for all', () => {
  expect(withOperationName({ query: TWO }).document?.definitions).toHaveLength(2)
  expect(withOperationName({ query: '{' }).document).toBeNull()
})
