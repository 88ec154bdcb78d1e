import type { Client } from '@urql/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Attention } from '../components/attention.ts'
import type { Connection } from '../live/connection.ts'
import { EVERYTHING } from '../model/filter.ts'
import { NEWEST_FIRST } from '../model/sorting.ts'
import { ExecutionList } from './executionList.ts'
import type { Change } from './operations.ts'

/** A page that the fake server returns: ids of rows, and how long its search took. */
interface Page {
  ids: string[]
  seconds?: number
  isComplete?: boolean
}

/** A server that returns `pages` in turn, whatever it is asked; the cursor of a page is its number. */
class Server {
  readonly cursors: (string | null)[] = []
  private readonly waiting: (() => void)[] = []

  constructor(private readonly pages: Page[]) {}

  readonly query = (_: unknown, { after = null }: { after?: string | null }) => ({
    toPromise: () => {
      this.cursors.push(after)
      return new Promise((resolve) => this.waiting.push(() => resolve({ data: this.take(after) })))
    },
  })

  /** Answers the next request. */
  async answer(): Promise<void> {
    this.waiting.shift()?.()
    await vi.advanceTimersByTimeAsync(0)
  }

  get hasRequest(): boolean {
    return this.waiting.length > 0
  }

  private take(after: string | null) {
    const number = Number(after ?? 0)
    const { ids, seconds = 0.5, isComplete = false } = this.pages[number] ?? { ids: [], isComplete: true }
    vi.setSystemTime(Date.now() + seconds * 1000)
    const nodes = ids.map((executionId, index) => ({
      executionId,
      recoveredBy: null,
      createdAt: new Date(1e12 - 1000 * (100 * number + index)).toISOString(),
      updatedAt: new Date(1e12).toISOString(),
    }))
    const search = { isComplete, examined: 1000, reachedAt: new Date(1e12 - 1e5 * number).toISOString() }
    const pageInfo = { hasNextPage: !isComplete, endCursor: String(number + 1) }
    return { executions: { nodes, pageInfo, totalCount: 0, totalCountIsExact: false, liveCursor: 'live', search } }
  }
}

class FakeAttention implements Attention {
  private given = true
  private listener: (() => void) | undefined

  readonly isGiven = () => this.given

  readonly subscribe = (listener: () => void) => {
    this.listener = listener
    return () => (this.listener = undefined)
  }

  set(given: boolean): void {
    this.given = given
    this.listener?.()
  }
}

/** A connection whose events a test sends. */
class FakeConnection {
  onEvents: (changes: Change[]) => void = () => undefined

  readonly subscribe = ({ onEvents }: { onEvents: (changes: Change[]) => void }) => {
    this.onEvents = onEvents
    return { stop: () => 'live', resumeFrom: () => undefined }
  }

  /** A new execution, after all that are there. */
  enter(executionId: string): void {
    const at = new Date(1e12 + Date.now()).toISOString()
    const execution = { executionId, createdAt: at, updatedAt: at, recoveredBy: null, status: 'RUNNING' }
    this.onEvents([{ kind: 'ENTERED', executionId, execution } as unknown as Change])
  }
}

function open(pages: Page[]) {
  const connection = new FakeConnection()
  const server = new Server(pages)
  const attention = new FakeAttention()
  const client = { query: server.query } as unknown as Client
  const list = new ExecutionList(client, connection as unknown as Connection, EVERYTHING, NEWEST_FIRST, attention)
  list.start()
  return { server, list, attention, connection, ids: () => list.getSnapshot().rows?.rows.map((row) => row.executionId) }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('window', globalThis)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('a search that was cut goes on from its cursor, also after an empty page, until it is complete', async () => {
  const { server, list, ids } = open([{ ids: [] }, { ids: ['a'] }, { ids: [] }, { ids: ['b'], isComplete: true }])

  await server.answer()
  expect(list.getSnapshot().search).toMatchObject({ examined: 1000, goesOn: 'by itself' })
  for (let page = 1; page < 4; page += 1) await server.answer()

  expect(ids()).toEqual(['a', 'b'])
  expect(server.cursors).toEqual([null, '1', '2', '3'])
  expect(list.getSnapshot()).toMatchObject({ search: null, hasMore: false, isReading: false })
})

test('after 30 seconds a search waits for a click, and scrolling does not continue it', async () => {
  const { server, list } = open(Array.from({ length: 9 }, () => ({ ids: [], seconds: 10 })))
  for (let page = 0; page < 3; page += 1) await server.answer()

  expect(server.hasRequest).toBe(false)
  expect(list.getSnapshot().search).toMatchObject({ examined: 3000, goesOn: 'with a click' })
  list.loadMoreNow()
  expect(server.hasRequest).toBe(false)
  list.searchFurther()
  await server.answer()
  expect(list.getSnapshot().search).toMatchObject({ examined: 4000, goesOn: 'by itself' })
})

test('a search pauses while nobody looks at the page', async () => {
  const { server, attention } = open([{ ids: [] }, { ids: ['a'] }])
  attention.set(false)

  await server.answer()
  expect(server.hasRequest).toBe(false)
  attention.set(true)
  expect(server.hasRequest).toBe(true)
})

test('a search that found a page of rows goes on with scrolling', async () => {
  const many = Array.from({ length: 100 }, (_, index) => `r${index}`)
  const { server, list } = open([{ ids: many }, { ids: ['a'], isComplete: true }])

  await server.answer()
  expect(server.hasRequest).toBe(false)
  list.loadMoreNow()
  await server.answer()
  expect(list.getSnapshot().rows?.rows).toHaveLength(101)
})

test('a list that was left during a search goes on where it was', async () => {
  const { server, list, ids } = open([{ ids: ['a'] }, { ids: ['b'], isComplete: true }])
  await server.answer()
  list.stop()
  await server.answer()

  list.start()
  await server.answer()

  expect(ids()).toEqual(['a', 'b'])
  expect(server.cursors).toEqual([null, '1', '1'])
})

test('new executions move the others at once, and then four times a second', async () => {
  const { server, list, connection, ids } = open([{ ids: ['a'], isComplete: true }])
  await server.answer()
  list.setShowsNewAtOnce(true)

  connection.enter('b')
  expect(ids()).toEqual(['b', 'a'])
  for (const id of ['c', 'd', 'e']) {
    await vi.advanceTimersByTimeAsync(50)
    connection.enter(id)
    // Nothing waits for a click.
    expect(list.getSnapshot().waiting).toBe(0)
  }
  expect(ids()).toEqual(['b', 'a'])
  await vi.advanceTimersByTimeAsync(100)
  expect(ids()).toEqual(['e', 'd', 'c', 'b', 'a'])
})

test('new executions of the last moment wait for a click when they are no longer shown at once', async () => {
  const { server, list, connection, ids } = open([{ ids: ['a'], isComplete: true }])
  await server.answer()
  list.setShowsNewAtOnce(true)
  connection.enter('b')
  connection.enter('c')

  list.setShowsNewAtOnce(false)
  await vi.advanceTimersByTimeAsync(1000)
  expect(ids()).toEqual(['b', 'a'])
  expect(list.getSnapshot().waiting).toBe(1)
  list.showNew()
  expect(ids()).toEqual(['c', 'b', 'a'])
})

test('a list that was left in that moment shows them when it goes on', async () => {
  const { server, list, connection, ids } = open([{ ids: ['a'], isComplete: true }])
  await server.answer()
  list.setShowsNewAtOnce(true)
  connection.enter('b')
  connection.enter('c')
  list.stop()

  list.start()
  expect(ids()).toEqual(['c', 'b', 'a'])
})
