import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  appendPage,
  applyEvents,
  createRows,
  removeLeaving,
  settle,
  type Page,
  type Row,
  type RowEvent,
  type Rows,
} from './rows.ts'
import { compareRows, type SortKey } from './sorting.ts'

// Costs and names together are unique, so that the order has no ties.
const ORDER: readonly SortKey[] = [
  { field: 'TOTAL_COST', direction: 'DESC' },
  { field: 'WORKFLOW_NAME', direction: 'ASC' },
]
const PAGE = 3

function rowOf(name: string, cost: number, version = 0): Row {
  return {
    executionId: name,
    updatedAt: new Date(version).toISOString(),
    createdAt: '2026-11-23T00:00:00Z',
    startedAt: null,
    completedAt: null,
    durationSeconds: null,
    totalCost: cost,
    tokens: 0,
    workflowName: name,
    status: 'RUNNING',
  }
}

/** A server that logs an event for every change and returns pages by keyset. */
class Server {
  readonly log: RowEvent<Row>[] = []
  private readonly rows = new Map<string, { row: Row; matches: boolean }>()
  private version = 0

  put(name: string, cost: number, matches: boolean): void {
    const before = this.rows.get(name)?.matches ?? false
    const row = rowOf(name, cost, ++this.version)
    this.rows.set(name, { row, matches })
    if (before || matches) this.emit(before ? (matches ? 'UPDATED' : 'LEFT') : 'ENTERED', row)
  }

  remove(name: string): void {
    const found = this.rows.get(name)
    this.rows.delete(name)
    if (found?.matches) this.log.push({ kind: 'DELETED', executionId: name, row: null })
  }

  matching(): Row[] {
    const found = [...this.rows.values()].filter(({ matches }) => matches).map(({ row }) => row)
    return found.sort((left, right) => compareRows(left, right, ORDER))
  }

  /** The page after a row; one that its time limit ended has `size` rows, or none, and more behind it. */
  read(after: Row | null, size = PAGE): Page<Row> {
    const following = this.matching().filter((row) => after === null || compareRows(row, after, ORDER) > 0)
    return { rows: following.slice(0, size), hasMore: size < PAGE || following.length > PAGE, isCut: size < PAGE }
  }

  private emit(kind: RowEvent<Row>['kind'], row: Row): void {
    this.log.push({ kind, executionId: row.executionId, row })
  }
}

type Step =
  | { do: 'put'; name: string; cost: number; matches: boolean }
  | { do: 'remove'; name: string }
  | { do: 'read more'; rows: number }
  | { do: 'deliver'; events: number }
  | { do: 'settle' }
  | { do: 'remove leaving' }

const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l')
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('put' as const), name: names, cost: fc.nat(9), matches: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), name: names }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('read more' as const), rows: fc.nat(PAGE) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('deliver' as const), events: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'settle' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'remove leaving' as const }) },
  ),
  { maxLength: 60 },
)

describe('a list that follows events', () => {
  test('equals a fresh read once all events have arrived', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const server = new Server()
        for (const step of before) if (step.do === 'put') server.put(step.name, step.cost, step.matches)
        let delivered = server.log.length
        let list: Rows<Row> = createRows(ORDER, server.read(null), server.matching().length, true)

        const deliver = (count: number): void => {
          list = applyEvents(list, server.log.slice(delivered, delivered + count))
          delivered = Math.min(server.log.length, delivered + count)
        }
        for (const step of after) {
          if (step.do === 'put') server.put(step.name, step.cost, step.matches)
          if (step.do === 'remove') server.remove(step.name)
          if (step.do === 'read more' && list.lastLoaded !== null) list = appendPage(list, server.read(list.lastLoaded))
          if (step.do === 'deliver') deliver(step.events)
          if (step.do === 'settle') list = settle(list)
          if (step.do === 'remove leaving') list = removeLeaving(list, list.leaving)
        }
        deliver(Infinity)
        list = settle(list)

        const { lastLoaded } = list
        const expected = server
          .matching()
          .filter((row) => lastLoaded === null || compareRows(row, lastLoaded, ORDER) <= 0)
        expect(list.rows).toEqual(expected)
        expect(list.total).toBe(server.matching().length)
      }),
      { numRuns: 500 },
    )
  })

  test('equals a fresh read once a search that was cut has come to its end', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const server = new Server()
        for (const step of before) if (step.do === 'put') server.put(step.name, step.cost, step.matches)
        let delivered = server.log.length
        let reached: Row | null = null
        const read = (size?: number): Page<Row> => {
          const page = server.read(reached, size)
          reached = page.rows.at(-1) ?? reached
          return page
        }
        let list = createRows(ORDER, read(0), 0, false)
        for (const step of after) {
          if (step.do === 'put') server.put(step.name, step.cost, step.matches)
          if (step.do === 'remove') server.remove(step.name)
          if (step.do === 'deliver') {
            list = applyEvents(list, server.log.slice(delivered, delivered + step.events))
            delivered = Math.min(server.log.length, delivered + step.events)
          }
          if (step.do === 'settle') list = settle(list)
          if (step.do === 'read more') list = appendPage(list, read(Math.min(step.rows, PAGE - 1)))
        }
        let hasMore = true
        while (hasMore) {
          const page = read()
          list = appendPage(list, page)
          hasMore = page.hasMore
        }
        list = settle(applyEvents(list, server.log.slice(delivered)))

        expect(list.rows).toEqual(server.matching())
      }),
      { numRuns: 500 },
    )
  })

  test('never shows an execution twice', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const server = new Server()
        let list: Rows<Row> = createRows(ORDER, server.read(null), 0, true)
        for (const step of all) {
          if (step.do === 'put') server.put(step.name, step.cost, step.matches)
          if (step.do === 'read more') list = appendPage(list, server.read(list.lastLoaded, step.rows))
          if (step.do === 'deliver') list = applyEvents(list, server.log.splice(0, step.events))
          if (step.do === 'settle') list = settle(list)
        }

        const ids = [...list.rows.map((row) => row.executionId), ...list.waiting.keys()]
        expect(new Set(ids).size).toBe(ids.length)
      }),
    )
  })
})

test('a row that changes stays in place until the list settles', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9), rowOf('b', 5)], hasMore: false }, 2, true)

  const after = applyEvents(list, [{ kind: 'UPDATED', executionId: 'b', row: rowOf('b', 10, 1) }])

  expect(after.rows.map((row) => [row.executionId, row.totalCost])).toEqual([
    ['a', 9],
    ['b', 10],
  ])
  expect(settle(after).rows.map((row) => row.executionId)).toEqual(['b', 'a'])
})

test('an execution that starts to match waits, and is counted', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9)], hasMore: false }, 1, true)

  const after = applyEvents(list, [{ kind: 'ENTERED', executionId: 'b', row: rowOf('b', 10) }])

  expect(after.rows.map((row) => row.executionId)).toEqual(['a'])
  expect([...after.waiting.keys()]).toEqual(['b'])
  expect(after.total).toBe(2)
})

test('an execution after the loaded pages does not wait: scrolling loads it', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9)], hasMore: true }, 5, true)

  expect(applyEvents(list, [{ kind: 'ENTERED', executionId: 'z', row: rowOf('z', 1) }]).waiting.size).toBe(0)
})

test('rows found after empty pages are put in order with those that entered meanwhile', () => {
  const empty = createRows<Row>(ORDER, { rows: [], hasMore: true, isCut: true }, 0, false)
  const entered = settle(applyEvents(empty, [{ kind: 'ENTERED', executionId: 'b', row: rowOf('b', 5) }]))

  const found = appendPage(entered, { rows: [rowOf('a', 9), rowOf('b', 5), rowOf('c', 2)], hasMore: true, isCut: true })

  expect(found.rows.map((row) => row.executionId)).toEqual(['a', 'b', 'c'])
})

test('a total that is not exact stays as it is', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9)], hasMore: true }, 10_000, false)

  expect(applyEvents(list, [{ kind: 'ENTERED', executionId: 'z', row: rowOf('z', 1) }]).total).toBe(10_000)
})

test('an event older than the page is ignored', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9, 7)], hasMore: false }, 1, true)

  const after = applyEvents(list, [{ kind: 'UPDATED', executionId: 'a', row: rowOf('a', 1, 6) }])

  expect(after.rows[0]?.totalCost).toBe(9)
})

test('a row does not leave because of an event older than its page', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9, 7)], hasMore: false }, 1, true)

  const after = applyEvents(list, [{ kind: 'LEFT', executionId: 'a', row: rowOf('a', 1, 6) }])

  expect(after.leaving.size).toBe(0)
})

test('of two changes in the same millisecond the later event wins', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9, 7)], hasMore: false }, 1, true)

  const after = applyEvents(list, [{ kind: 'UPDATED', executionId: 'a', row: rowOf('a', 1, 7) }])

  expect(after.rows[0]?.totalCost).toBe(1)
})

test('a row leaves by an event of the millisecond in which its page shows it', () => {
  const list = createRows(ORDER, { rows: [rowOf('a', 9, 7)], hasMore: false }, 1, true)

  const after = applyEvents(list, [{ kind: 'LEFT', executionId: 'a', row: rowOf('a', 1, 7) }])

  expect([...after.leaving]).toEqual(['a'])
  expect(settle(after).rows).toEqual([])
})
