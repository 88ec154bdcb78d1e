import { expect, test } from 'vitest'
import { unsavedOf } from './savedViews.ts'

const saved = [
  { name: 'Failures', address: '/executions?filter=status:in(FAILED)' },
  { name: 'Slow', address: '/executions?sort=-DURATION' },
]

test('views that are saved already are left out, and others of their names get a number', () => {
  const views = [
    { name: 'Failures', address: '/executions?filter=status:in(FAILED)' },
    { name: 'Slow', address: '/executions' },
    { name: 'Slow', address: '/executions?since=-24h' },
    { name: 'Mine', address: '/executions?filter=userId:eq(ada)' },
  ]

  expect(unsavedOf(views, saved)).toEqual([
    { name: 'Slow (2)', address: '/executions' },
    { name: 'Slow (3)', address: '/executions?since=-24h' },
    { name: 'Mine', address: '/executions?filter=userId:eq(ada)' },
  ])
})

test('a name is one that the server takes', () => {
  const long = 'x'.repeat(120)
  const names = unsavedOf(
    [long, long, ' '].map((name) => ({ name, address: `/${name.length}` })),
    [],
  ).map((each) => each.name)

  expect(names).toEqual(['x'.repeat(100), `${'x'.repeat(96)} (2)`, '?'])
})
