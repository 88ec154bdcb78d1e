import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareInputs, compareSteps, isSignificant, type ComparedStep } from './comparison.ts'

function step(stepId: string, durationSeconds: number | null, status: ComparedStep['status'] = 'COMPLETED') {
  return { stepId, name: stepId, status, durationSeconds }
}

test('the largest increase comes first, and steps of one execution alone are included', () => {
  const now = [step('load', 12), step('sort', 90), step('new', 1)]
  const before = [step('load', 20), step('sort', 30), step('old', 5)]

  expect(compareSteps(now, before).map(({ stepId, longer }) => [stepId, longer])).toEqual([
    ['sort', 60],
    ['new', 0],
    ['old', 0],
    ['load', -8],
  ])
})

test('inputs differ where their values do', () => {
  const now = { date: '2026-11-02', files: ['a', 'b'], limits: { rows: 10 }, same: [1, { x: null }] }
  const before = { date: '2026-11-01', files: ['a'], limits: { rows: 10, days: 2 }, same: [1, { x: null }] }

  expect(compareInputs(now, before)).toEqual([
    { path: 'date', now: '2026-11-02', before: '2026-11-01' },
    { path: 'files[1]', now: 'b', before: undefined },
    { path: 'limits.days', now: undefined, before: 2 },
  ])
})

test('property names of Object.prototype are names like any other', () => {
  expect(compareInputs(JSON.parse('{"__proto__": 1}'), {})).toHaveLength(1)
  expect(compareInputs({ constructor: 1 }, {})).toEqual([{ path: 'constructor', now: 1, before: undefined }])
})

test('a value does not differ from itself, and from another it does', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      expect(compareInputs(one, structuredClone(one))).toEqual([])
      const isSame = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
      expect(compareInputs(one, other).length === 0).toBe(isSame)
    }),
  )
})

/** `value` in a form whose JSON text is equal exactly where values are. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return { list: value.map(sorted) }
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? { zero: '-' } : value
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return { object: entries.map(([key, inner]) => [key, sorted(inner)]) }
}

test('attempts of one step count together', () => {
  const attempt = (seconds: number | null) => step('load', seconds)

  expect(compareSteps([attempt(10), attempt(30)], [attempt(15)])).toMatchObject([{ now: 40, before: 15, longer: 25 }])
  expect(compareSteps([attempt(10), attempt(null)], [attempt(15)])).toMatchObject([{ now: null, before: 15 }])
})

test('a change of a status counts, and one of seconds from a fifth of the step and a hundredth of the run', () => {
  const now = [step('failed', 1, 'FAILED'), step('slower', 60), step('noise', 2.268), step('tiny', 0.4), step('new', 1)]
  const before = [step('failed', 1), step('slower', 40), step('noise', 2), step('tiny', 0.1), step('gone', null)]

  const found = compareSteps(now, before).filter((each) => isSignificant(each, 100))
  expect(found.map((each) => each.stepId).sort()).toEqual(['failed', 'gone', 'new', 'slower'])
})
