import { expect, test } from 'vitest'
import { compareRows, type Sortable, type SortKey } from './sorting.ts'

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
    tokensUsed: 0,
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
