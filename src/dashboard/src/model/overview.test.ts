import { describe, expect, test } from 'vitest'
import {
  changeOf,
  countOf,
  findSlower,
  findSuspects,
  listOf,
  rangesOf,
  runningFilter,
  usualDurations,
  withRange,
} from './overview.ts'
import { DEFAULT_SCOPE } from './scope.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const FAILED = { field: 'status', operator: 'in', values: ['FAILED'] } as const

describe('the ranges of an overview', () => {
  test('move on with time where they end now', () => {
    expect(rangesOf(DEFAULT_SCOPE, NOW)).toEqual({
      present: { createdAt: { withinSeconds: 86_400 } },
      before: { createdAt: { gte: '2026-11-21T12:00:00.000Z', lt: '2026-11-22T12:00:00.000Z' } },
      usual: { createdAt: { gte: '2026-11-15T12:00:00.000Z', lt: '2026-11-22T12:00:00.000Z' } },
    })
  })

  test('stand where they have an end, and are those of the filter', () => {
    const scope = { ...DEFAULT_SCOPE, filter: FAILED, since: '2026-11-20T00:00:00Z', until: '2026-11-20T06:00:00Z' }

    expect(rangesOf(scope, NOW)).toMatchObject({
      present: {
        and: [
          { status: { in: ['FAILED'] } },
          { createdAt: { gte: '2026-11-20T00:00:00.000Z', lt: '2026-11-20T06:00:00.000Z' } },
        ],
      },
      before: {
        and: [{}, { createdAt: { gte: '2026-11-19T18:00:00.000Z', lt: '2026-11-20T00:00:00.000Z' } }],
      },
    })
    expect(runningFilter(FAILED, NOW)).toEqual({ and: [{ status: { in: ['FAILED'] } }, { status: { eq: 'RUNNING' } }] })
  })
})

test('a range that is left open is the last 24 hours, or those before its end', () => {
  expect(withRange(DEFAULT_SCOPE, NOW).since).toBe('-24h')
  expect(withRange({ ...DEFAULT_SCOPE, since: '-7d' }, NOW).since).toBe('-7d')
  expect(withRange({ ...DEFAULT_SCOPE, until: '2026-11-20T06:00:00Z' }, NOW).since).toBe('2026-11-19T06:00:00.000Z')
})

test('the list of what a number counts has its filter, range and zone', () => {
  const scope = { ...DEFAULT_SCOPE, since: '-24h', zone: 'UTC' }
  const ofFailed = { ...scope, filter: { field: 'workflowName', operator: 'eq', values: ['etl'] } } as const

  expect(listOf(scope)).toBe('/executions?since=-24h&zone=UTC')
  expect(listOf(ofFailed, FAILED, 'DURATION')).toBe(
    '/executions?filter=workflowName:eq(etl)+status:in(FAILED)&since=-24h&zone=UTC&sort=-DURATION',
  )
})

test('counts and changes are of what there is', () => {
  const counts = [
    { status: 'FAILED', count: 3 },
    { status: 'TIMED_OUT', count: 1 },
  ] as const

  expect(countOf(counts, 'FAILED', 'TIMED_OUT', 'RUNNING')).toBe(4)
  expect(changeOf(15, 10)).toBeCloseTo(0.5)
  expect([changeOf(1, 0), changeOf(null, 1), changeOf(1, null)]).toEqual([null, null, null])
})

test('a workflow is slower than usual by much, and by a percentile of enough executions', () => {
  const group = (value: string, p95: number, count = 5) => ({ value, count, duration: { count, p95 } })
  const usual = usualDurations([
    group('slow', 10, 20),
    group('slower', 10, 20),
    group('rare', 10, 19),
    group('quick', 0.1, 20),
  ])

  const groups = [group('slow', 16), group('slower', 60), group('rare', 90), group('quick', 1), group('slow', 90, 4)]
  expect(findSlower(groups, usual)).toEqual([
    { workflow: 'slower', now: 60, usual: 10 },
    { workflow: 'slow', now: 16, usual: 10 },
  ])
})

test('what runs for far longer than usual is stuck, and what sends no heartbeat is silent', () => {
  const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString()
  const running = (executionId: string, seconds: number, heartbeat: number | null, workflowName = 'etl') => ({
    executionId,
    workflowName,
    startedAt: ago(seconds),
    lastHeartbeatAt: heartbeat === null ? null : ago(heartbeat),
  })

  const found = findSuspects(
    [
      running('fine', 299, 10),
      running('stuck', 301, 10),
      running('silent', 200, 301),
      running('unknown', 86_000, null, 'new'),
      running('old', 86_401, null, 'new'),
      { ...running('queued', 0, null), startedAt: null },
    ],
    new Map([['etl', 100]]),
    NOW,
  )
  expect(found.map(({ execution, usual, silentFor }) => [execution.executionId, usual, silentFor])).toEqual([
    ['old', null, null],
    ['stuck', 100, null],
    ['silent', null, 301],
  ])
})
