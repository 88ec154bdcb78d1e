import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changeAt, describeCondition, EVERYTHING, findProblem, narrow, type Condition, type Filter } from './filter.ts'
import { FIELDS, inputTypeOf, isNumeric, operatorsOf, takesMany } from './filterFields.ts'
import { toFilterInput } from './filterInput.ts'
import { parseFilter, printFilter, FilterSyntaxError } from './filterText.ts'
import { STATUSES } from './status.ts'

const NOW = Date.UTC(2026, 10, 23, 12)

const texts = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.constantFrom('a b', '"', '),(', '\\', 'ä'),
)

function valuesOf(field: Condition['field'], operator: Condition['operator']): fc.Arbitrary<string[]> {
  const input = inputTypeOf(field)
  if (operator === 'isNull') return fc.constantFrom(['true'], ['false'])
  if (operator === 'has') return fc.array(texts, { minLength: 1, maxLength: 2 })
  if (input === 'ExecutionStatusFilter') return fc.uniqueArray(fc.constantFrom(...STATUSES), { minLength: 1 })
  if (input === 'DateTimeFilter')
    return fc.constantFrom(['-24h'], ['-15m'], ['2026-11-01T00:00:00Z'], ['2026-11-01T10:30:00.250+02:00'])
  if (input === 'BigIntFilter') return fc.maxSafeInteger().map((value) => [String(value)])
  if (input === 'IntFilter')
    return fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }).map((value) => [String(value)])
  if (isNumeric(field)) return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => [String(value)])
  return takesMany(operator) ? fc.array(texts, { minLength: 1, maxLength: 3 }) : texts.map((text) => [text])
}

const conditions: fc.Arbitrary<Condition> = fc
  .constantFrom(...FIELDS)
  .chain((field) =>
    fc
      .constantFrom(...operatorsOf(field))
      .chain((operator) => valuesOf(field, operator).map((values) => ({ field, operator, values }))),
  )

export const filters = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    conditions,
    fc.record({ all: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ not: tie('filter') }),
  ),
})).filter

describe('a filter as text', () => {
  test('is parsed back to the same filter, whatever its values contain', () => {
    fc.assert(
      fc.property(conditions, (condition) => {
        expect(parseFilter(printFilter(condition))).toEqual(condition)
      }),
      { numRuns: 500 },
    )
  })

  test('means the same to the server after a round trip', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        expect(toFilterInput(parseFilter(printFilter(filter)), NOW)).toEqual(toFilterInput(filter, NOW))
      }),
    )
  })

  test('is readable', () => {
    const filter: Filter = {
      all: [
        { field: 'status', operator: 'in', values: ['FAILED', 'TIMED_OUT'] },
        {
          any: [
            { field: 'workflowName', operator: 'contains', values: ['nightly run'] },
            { not: { field: 'tags', operator: 'has', values: ['team', 'data'] } },
          ],
        },
      ],
    }

    expect(printFilter(filter)).toBe(
      'status:in(FAILED,TIMED_OUT) any(workflowName:contains("nightly run") not(tags:has(team,data)))',
    )
  })

  test.each([
    ['status:in(FAILED', 'The filter is incomplete.'],
    ['status:in(FAILED))', 'Unmatched ")".'],
    ['colour:eq(red)', 'Unknown field: colour.'],
    ['status:contains(F)', '"contains" does not apply to Status.'],
    ['status:in(BROKEN)', 'Unknown status: BROKEN.'],
    ['totalCost:gte(much)', 'Cost must be a number.'],
    ['tokensUsed:eq(1.5)', 'Tokens must be a whole number.'],
    ['tokensUsed:eq(3000000000)', 'Tokens must be a whole number.'],
    ['tokens:gte(9007199254740993)', 'Tokens must be a whole number.'],
    ['createdAt:gte(yesterday)', 'Enter a date such as 2026-11-01T10:30:00Z, or an age such as -24h.'],
    ['workflowName:eq()', 'Workflow needs a value.'],
    ['workflowName:eq(a,b)', 'Workflow takes one value.'],
    ['tags:has(a,b,c)', 'Tag takes one key and one value.'],
    ['not(status:in(FAILED) status:in(PENDING))', '"not" takes exactly one condition.'],
    ['workflowName:eq("a', 'A closing quotation mark is missing.'],
    [`${'not('.repeat(20)}status:in(FAILED)${')'.repeat(20)}`, 'The filter is nested too deeply.'],
  ])('%s is rejected with the reason', (text, problem) => {
    expect(() => parseFilter(text)).toThrow(new FilterSyntaxError(problem))
  })

  test('any text is parsed or rejected with a FilterSyntaxError', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('status:in(FAILED),any"\\ x')) }), (text) => {
        try {
          parseFilter(text)
        } catch (error) {
          expect(error).toBeInstanceOf(FilterSyntaxError)
        }
      }),
    )
  })
})

describe('a filter for the server', () => {
  test.each<[Filter, unknown]>([
    [EVERYTHING, {}],
    [{ field: 'status', operator: 'in', values: ['FAILED'] }, { status: { in: ['FAILED'] } }],
    [{ field: 'totalCost', operator: 'gte', values: ['1.5'] }, { totalCost: { gte: 1.5 } }],
    [{ field: 'createdAt', operator: 'gte', values: ['-24h'] }, { createdAt: { gte: '2026-11-22T12:00:00.000Z' } }],
    [{ field: 'errorCode', operator: 'isNull', values: ['false'] }, { errorCode: { isNull: false } }],
    [{ field: 'tags', operator: 'has', values: ['team'] }, { tags: { key: 'team' } }],
    [{ field: 'tags', operator: 'has', values: ['team', 'data'] }, { tags: { key: 'team', value: 'data' } }],
    [{ any: [] }, { or: [] }],
    [
      { not: { any: [{ field: 'userId', operator: 'eq', values: ['7'] }] } },
      { not: { or: [{ userId: { eq: '7' } }] } },
    ],
  ])('%j', (filter, input) => {
    expect(toFilterInput(filter, NOW)).toEqual(input)
  })
})

describe('a node of a filter', () => {
  const failed: Condition = { field: 'status', operator: 'in', values: ['FAILED'] }
  const nightly: Condition = { field: 'workflowName', operator: 'contains', values: ['nightly'] }
  const filter: Filter = { all: [failed, { any: [failed, nightly] }] }

  test('is replaced where it stands', () => {
    expect(changeAt(filter, [1, 0], () => nightly)).toEqual({ all: [failed, { any: [nightly, nightly] }] })
  })

  test('that is removed leaves no group of one', () => {
    expect(changeAt(filter, [1, 1], () => null)).toEqual({ all: [failed, failed] })
  })

  test('that is removed as the last one leaves a filter that matches everything', () => {
    expect(changeAt(failed, [], () => null)).toEqual(EVERYTHING)
  })

  test('is added to the existing filter', () => {
    expect(narrow(EVERYTHING, failed)).toEqual(failed)
    expect(narrow(failed, nightly)).toEqual({ all: [failed, nightly] })
  })

  test('that is negated twice is itself', () => {
    expect(changeAt({ not: failed }, [], (node) => ({ not: node }))).toEqual(failed)
  })
})

test.each<[Condition, string]>([
  [{ field: 'status', operator: 'in', values: ['FAILED'] }, 'Status is Failed'],
  [{ field: 'status', operator: 'notIn', values: ['FAILED', 'TIMED_OUT'] }, 'Status is none of Failed, Timed out'],
  [{ field: 'createdAt', operator: 'gte', values: ['-1d'] }, 'Created since 1 day ago'],
  [{ field: 'errorCode', operator: 'isNull', values: ['true'] }, 'Error code is missing '],
  [{ field: 'tags', operator: 'has', values: ['team', 'data'] }, 'Tag  team = data'],
  [{ field: 'errorGroup', operator: 'eq', values: ['AQIDlonglonglongXyZ123'] }, 'Error group is …XyZ123'],
])('%j is described for people', (condition, text) => {
  expect(findProblem(condition)).toBeNull()
  expect(Object.values(describeCondition(condition)).join(' ')).toBe(text)
})
