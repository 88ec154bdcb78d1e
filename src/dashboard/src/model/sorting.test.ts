import { describe, expect, test } from 'vitest'
import {
  compareRows,
  nameOrder,
  NEWEST_FIRST,
  sortBy,
  SORT_FIELDS,
  type Sortable,
  type SortField,
  type SortKey,
} from './sorting.ts'

/** A completed execution; `fields` replace some of its fields. */
function row(fields: Partial<Sortable> = {}): Sortable {
  return {
    createdAt: '2026-11-23T12:00:00Z',
    startedAt: '2026-11-23T12:00:01Z',
    completedAt: '2026-11-23T12:00:05Z',
    durationSeconds: 4,
    totalCost: 1,
    tokens: 10,
    workflowName: 'etl',
    status: 'COMPLETED',
    ...fields,
  }
}

// For each field a smaller and a larger row, which are equal otherwise.
const PAIRS: Record<SortField, [smaller: Sortable, larger: Sortable]> = {
  CREATED_AT: [row({ createdAt: '2026-11-23T13:00:00+02:00' }), row({ createdAt: '2026-11-23T12:00:00Z' })],
  STARTED_AT: [row({ startedAt: '2026-11-23T12:00:00.999Z' }), row()],
  COMPLETED_AT: [row(), row({ completedAt: '2026-11-23T12:01:00Z' })],
  DURATION: [row({ durationSeconds: 4 }), row({ durationSeconds: 10.5 })],
  TOTAL_COST: [row({ totalCost: 9 }), row({ totalCost: 10 })],
  TOKENS_USED: [row({ tokens: 9 }), row({ tokens: 10 })],
  WORKFLOW_NAME: [row({ workflowName: 'Zebra' }), row({ workflowName: 'apple' })],
  STATUS: [row({ status: 'CANCELLED' }), row({ status: 'TIMED_OUT' })],
}

describe.each(SORT_FIELDS)('by %s', (field) => {
  const [smaller, larger] = PAIRS[field]

  test('the smaller comes first when ascending, and last when descending', () => {
    expect(compareRows(smaller, larger, [{ field, direction: 'ASC' }])).toBeLessThan(0)
    expect(compareRows(larger, smaller, [{ field, direction: 'ASC' }])).toBeGreaterThan(0)
    expect(compareRows(smaller, larger, [{ field, direction: 'DESC' }])).toBeGreaterThan(0)
    expect(compareRows(larger, smaller, [{ field, direction: 'DESC' }])).toBeLessThan(0)
  })

  test('rows that are equal in it are told apart by the next field', () => {
    const other = field === 'TOTAL_COST' ? 'TOKENS_USED' : 'TOTAL_COST'
    const [cheap, dear] = PAIRS[other]

    expect(compareRows(cheap, dear, [{ field, direction: 'DESC' }])).toBe(0)
    expect(
      compareRows(cheap, dear, [
        { field, direction: 'DESC' },
        { field: other, direction: 'ASC' },
      ]),
    ).toBeLessThan(0)
  })
})

describe('rows without a value, as MongoDB sorts null,', () => {
  const missing: [SortField, Sortable][] = [
    ['STARTED_AT', row({ startedAt: null })],
    ['COMPLETED_AT', row({ completedAt: null })],
    // A running execution has a duration that grows, and none that is stored.
    ['DURATION', row({ completedAt: null, durationSeconds: 99 })],
    ['DURATION', row({ durationSeconds: null })],
  ]

  test.each(missing)('stand first by %s when ascending and last when descending', (field, without) => {
    expect(compareRows(without, row(), [{ field, direction: 'ASC' }])).toBeLessThan(0)
    expect(compareRows(row(), without, [{ field, direction: 'ASC' }])).toBeGreaterThan(0)
    expect(compareRows(without, row(), [{ field, direction: 'DESC' }])).toBeGreaterThan(0)
    expect(compareRows(row(), without, [{ field, direction: 'DESC' }])).toBeLessThan(0)
    expect(compareRows(without, without, [{ field, direction: 'ASC' }])).toBe(0)
  })
})

test('a first click sorts numbers and times from the largest, and text from A to Z', () => {
  expect(sortBy(NEWEST_FIRST, 'TOTAL_COST')).toEqual([{ field: 'TOTAL_COST', direction: 'DESC' }])
  expect(sortBy(NEWEST_FIRST, 'WORKFLOW_NAME')).toEqual([{ field: 'WORKFLOW_NAME', direction: 'ASC' }])
  expect(sortBy(NEWEST_FIRST, 'STATUS')).toEqual([{ field: 'STATUS', direction: 'ASC' }])
})

test('a second click on the same field turns the order around', () => {
  expect(sortBy(NEWEST_FIRST, 'CREATED_AT')).toEqual([{ field: 'CREATED_AT', direction: 'ASC' }])
  expect(sortBy(sortBy(NEWEST_FIRST, 'CREATED_AT'), 'CREATED_AT')).toEqual(NEWEST_FIRST)
})

test('an order is named by what comes first', () => {
  expect(nameOrder({ field: 'CREATED_AT', direction: 'DESC' })).toBe('Newest first')
  expect(nameOrder({ field: 'DURATION', direction: 'ASC' })).toBe('Shortest first')
})

const NOW = Date.parse('2026-11-23T12:00:00Z')

interface Run {
  readonly started?: string
  readonly seconds?: number
  readonly status?: string
}

function rowOf({ started, seconds, status = 'RUNNING' }: Run): Sortable {
  const startedAt = started === undefined ? null : `2026-11-23T${started}Z`
  return {
    createdAt: '2026-11-23T00:00:00Z',
    startedAt,
    completedAt: seconds === undefined ? null : '2026-11-23T11:59:00Z',
    // The server counts the time so far when it reads the row, which is another moment for each.
    durationSeconds: seconds ?? (startedAt === null ? null : 1),
    totalCost: 0,
    tokens: 0,
    workflowName: 'etl',
    status,
  }
}

const never = rowOf({ status: 'PENDING' })
const short = rowOf({ started: '11:00:00', seconds: 5, status: 'FAILED' })
const minute = rowOf({ started: '11:59:00' })
const long = rowOf({ started: '09:00:00', seconds: 3599, status: 'COMPLETED' })
const hour = rowOf({ started: '11:00:00', status: 'PAUSED' })

const LONGEST_FIRST: readonly SortKey[] = [{ field: 'DURATION', direction: 'DESC' }]
const SHORTEST_FIRST: readonly SortKey[] = [{ field: 'DURATION', direction: 'ASC' }]

test('executions that run are sorted by the time they have run so far, among those that have ended', () => {
  const rows = [minute, long, never, hour, short]

  expect([...rows].sort((a, b) => compareRows(a, b, LONGEST_FIRST, NOW))).toEqual([hour, long, minute, short, never])
  expect([...rows].sort((a, b) => compareRows(a, b, SHORTEST_FIRST, NOW))).toEqual([never, short, minute, long, hour])
})

test('an execution that runs passes those that have ended as time passes', () => {
  expect(compareRows(minute, short, SHORTEST_FIRST, NOW)).toBeGreaterThan(0)
  expect(compareRows(minute, long, SHORTEST_FIRST, NOW)).toBeLessThan(0)
  expect(compareRows(minute, long, SHORTEST_FIRST, NOW + 3_600_000)).toBeGreaterThan(0)
})

test('as a later key the duration is the stored one, as on the server', () => {
  const order: readonly SortKey[] = [{ field: 'WORKFLOW_NAME', direction: 'ASC' }, ...SHORTEST_FIRST]

  expect(compareRows(hour, short, order, NOW)).toBeLessThan(0)
  expect(compareRows(hour, never, order, NOW)).toBe(0)
})
