import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COLUMNS } from './columns.ts'
import { EVERYTHING } from './filter.ts'
import { SORT_FIELDS, sortBy, type SortKey } from './sorting.ts'
import { parseView, printView, DEFAULT_VIEW, type View } from './view.ts'

const orders: fc.Arbitrary<SortKey[]> = fc.uniqueArray(
  fc.record({ field: fc.constantFrom(...SORT_FIELDS), direction: fc.constantFrom('ASC' as const, 'DESC' as const) }),
  { minLength: 1, maxLength: 3, selector: (key) => key.field },
)
const views: fc.Arbitrary<View> = fc.record({
  filter: fc.oneof(
    fc.constant(EVERYTHING),
    fc
      .string({ minLength: 1, unit: 'grapheme' })
      .map((text) => ({ field: 'workflowName', operator: 'contains', values: [text] }) as const),
  ),
  since: fc.constantFrom(null, '-15m', '-7d', '2026-11-01T10:00:00Z'),
  until: fc.constantFrom(null, '-1h', '2026-11-02T10:00:00Z'),
  zone: fc.constantFrom(null, 'UTC', 'Europe/Berlin'),
  order: orders,
  columns: fc.subarray([...COLUMNS], { minLength: 1 }),
  density: fc.constantFrom('comfortable' as const, 'compact' as const),
})

describe('a view in a URL', () => {
  test('is parsed back to the same view', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(parseView(printView(view))).toEqual({ view, problem: null })
      }),
      { numRuns: 500 },
    )
  })

  test('is empty for the default view', () => {
    expect(printView(DEFAULT_VIEW)).toBe('')
    expect(parseView('')).toEqual({ view: DEFAULT_VIEW, problem: null })
  })

  test('is readable', () => {
    const view: View = {
      ...DEFAULT_VIEW,
      filter: { field: 'status', operator: 'in', values: ['FAILED', 'TIMED_OUT'] },
      since: '-24h',
      order: [{ field: 'TOTAL_COST', direction: 'DESC' }],
    }

    expect(printView(view)).toBe('filter=status:in(FAILED,TIMED_OUT)&since=-24h&sort=-TOTAL_COST')
  })

  test('reports what is not valid, and keeps the rest', () => {
    const { view, problem } = parseView('filter=colour:eq(red)&since=soon&sort=-NOTHING,STATUS&columns=x,cost')

    expect(problem).toBe(
      'The filter in this link is not valid. Unknown field: colour. ' +
        'This link has "since=soon", which is no date such as -24h or 2026-11-01T10:30:00Z. ' +
        'This link sorts by "-NOTHING", which is unknown. This link has unknown columns: x.',
    )
    expect(parseView('density=tiny').problem).toBe(
      'This link has "density=tiny", which is neither compact nor comfortable.',
    )
    expect(view).toEqual({ ...DEFAULT_VIEW, order: [{ field: 'STATUS', direction: 'ASC' }], columns: ['cost'] })
  })

  test('has at most three sort keys', () => {
    const { view } = parseView('sort=STATUS,-DURATION,STARTED_AT,-TOTAL_COST')

    expect(view.order.map((key) => key.field)).toEqual(['STATUS', 'DURATION', 'STARTED_AT'])
  })

  test('is parsed from any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { view } = parseView(`filter=${text}&sort=${text}`)
        expect(view.order.length).toBeGreaterThan(0)
      }),
    )
  })
})

test('sorting by the same field again reverses the order', () => {
  const byCost = sortBy(DEFAULT_VIEW.order, 'TOTAL_COST')

  expect(byCost).toEqual([{ field: 'TOTAL_COST', direction: 'DESC' }])
  expect(sortBy(byCost, 'TOTAL_COST')).toEqual([{ field: 'TOTAL_COST', direction: 'ASC' }])
  expect(sortBy(byCost, 'WORKFLOW_NAME')).toEqual([{ field: 'WORKFLOW_NAME', direction: 'ASC' }])
})
