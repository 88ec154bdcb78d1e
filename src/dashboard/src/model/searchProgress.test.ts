import { expect, test } from 'vitest'
import { describeSearch, SearchMeter, type SearchProgress } from './searchProgress.ts'

const CUT: SearchProgress = { isComplete: false, examined: 5_000, reachedAt: '2026-11-03T12:30:00Z' }
const COMPLETE: SearchProgress = { isComplete: true, examined: 200, reachedAt: null }

function meterWithClock() {
  const clock = { now: 0 }
  const meter = new SearchMeter(100, () => clock.now)
  const search = (seconds: number, progress: SearchProgress, rows = 0) =>
    meter
      .time(() => {
        clock.now += seconds * 1000
        return Promise.resolve()
      })
      .then(() => meter.after(progress, rows))
  return { meter, search }
}

test('a search goes on by itself for 30 seconds, then with a click', async () => {
  const { meter, search } = meterWithClock()

  expect(await search(15, CUT)).toEqual({ examined: 5_000, reachedAt: CUT.reachedAt, goesOn: 'by itself' })
  expect(await search(15, CUT)).toEqual({ examined: 10_000, reachedAt: CUT.reachedAt, goesOn: 'with a click' })
  meter.allowMore()
  expect((await search(15, CUT))?.goesOn).toBe('by itself')
})

test('a page of rows ends a search that goes on by itself, and gives the next page its own time', async () => {
  const { search } = meterWithClock()
  await search(20, CUT, 60)

  expect((await search(20, CUT, 60))?.goesOn).toBe('with scrolling')
  expect((await search(20, CUT, 10))?.goesOn).toBe('by itself')
})

test('a complete search has no state, and the next one counts from zero seconds', async () => {
  const { search } = meterWithClock()
  await search(25, CUT)

  expect(await search(10, COMPLETE)).toBeNull()
  expect((await search(25, CUT))?.goesOn).toBe('by itself')
})

test('a search says how far it went in the order of the list', () => {
  const now = Date.parse('2026-11-28T10:00:00Z')
  const state = { examined: 120_000, reachedAt: CUT.reachedAt, goesOn: 'by itself' } as const

  expect(describeSearch(state, [{ field: 'CREATED_AT', direction: 'DESC' }], now, 'UTC')).toBe(
    'Searched back to 3 Nov 12:30',
  )
  expect(describeSearch(state, [{ field: 'STARTED_AT', direction: 'ASC' }], now, 'UTC')).toBe(
    'Searched up to 3 Nov 12:30',
  )
  expect(describeSearch({ ...state, reachedAt: null }, [{ field: 'TOTAL_COST', direction: 'DESC' }], now)).toBe(
    'Searched 120,000 executions',
  )
})
