import { expect, test } from 'vitest'
import { parseAuditView, printAuditView, toAuditFilter } from './auditView.ts'

test('a view is read from the address that it writes', () => {
  const view = { subject: 'ada', execution: 'a b', kind: 'MUTATION', outcome: 'DENIED' } as const

  expect(parseAuditView(printAuditView(view))).toEqual(view)
  expect(printAuditView(parseAuditView(''))).toBe('')
})

test('what the address has and nobody knows is not chosen', () => {
  expect(toAuditFilter(parseAuditView('kind=NONE&outcome=x'))).toEqual({})
})

test('a view is a filter of the API', () => {
  expect(toAuditFilter(parseAuditView('user=ada&execution=e1&kind=QUERY&outcome=FAILED'))).toEqual({
    subject: { eq: 'ada' },
    executionId: { eq: 'e1' },
    kind: { eq: 'QUERY' },
    outcome: { eq: 'FAILED' },
  })
})
