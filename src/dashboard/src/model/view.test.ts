import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COLUMNS } from './columns.ts'
import { EVERYTHING } from './filter.ts'
import { SORT_FIELDS, sortBy, type SortKey } from './sorting.ts'
import { filterOf, parseView, printView, USUAL_VIEW, type View } from './view.ts'

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
  since: fc.constantFrom(null, '-15m', '-7d'),
  order: orders,
  columns: fc.subarray([...COLUMNS], { minLength: 1 }),
  density: fc.constantFrom('comfortable' as const, 'compact' as const),
})

describe('a view in an address', () => {
  test('is read back as what it was', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(parseView(printView(view))).toEqual({ view, problem: null })
      }),
      { numRuns: 500 },
    )
  })

  test('that is usual is empty', () => {
    expect(printView(USUAL_VIEW)).toBe('')
    expect(parseView('')).toEqual({ view: USUAL_VIEW, problem: null })
  })

  test('can be read by people', () => {
    const view: View = {
      ...USUAL_VIEW,
      filter: { field: 'status', operator: 'in', values: ['FAILED', 'TIMED_OUT'] },
      since: '-24h',
      order: [{ field: 'TOTAL_COST', direction: 'DESC' }],
    }

    expect(printView(view)).toBe('filter=status:in(FAILED,TIMED_OUT)&since=-24h&sort=-TOTAL_COST')
  })

  test('says what cannot be read, and shows the rest', () => {
    const { view, problem } = parseView('filter=colour:eq(red)&since=soon&sort=-NOTHING,STATUS&columns=x,cost')

    expect(problem).toBe('The filter in this address cannot be read. There is no field colour.')
    expect(view).toEqual({ ...USUAL_VIEW, order: [{ field: 'STATUS', direction: 'ASC' }], columns: ['cost'] })
  })

  test('has at most the three sort keys that the server takes', () => {
    const { view } = parseView('sort=STATUS,-DURATION,STARTED_AT,-TOTAL_COST')

    expect(view.order.map((key) => key.field)).toEqual(['STATUS', 'DURATION', 'STARTED_AT'])
  })

  test('of anything at all is a view', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { view } = parseView(`filter=${text}&sort=${text}`)
        expect(view.order.length).toBeGreaterThan(0)
      }),
    )
  })
})

test('the time of a view narrows its filter', () => {
  expect(filterOf({ ...USUAL_VIEW, since: '-24h' })).toEqual({ field: 'createdAt', operator: 'gte', values: ['-24h'] })
})

test('asking for the same order again turns it around', () => {
  const byCost = sortBy(USUAL_VIEW.order, 'TOTAL_COST')

  expect(byCost).toEqual([{ field: 'TOTAL_COST', direction: 'DESC' }])
  expect(sortBy(byCost, 'TOTAL_COST')).toEqual([{ field: 'TOTAL_COST', direction: 'ASC' }])
  expect(sortBy(byCost, 'WORKFLOW_NAME')).toEqual([{ field: 'WORKFLOW_NAME', direction: 'ASC' }])
})
