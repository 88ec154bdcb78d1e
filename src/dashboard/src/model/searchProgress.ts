import { messages } from '../messages/messages.ts'
import { formatDate } from './dates.ts'
import { formatCount } from './numbers.ts'
import type { SortKey } from './sorting.ts'

/** How far the search for one page went, as the server reports it. */
export interface SearchProgress {
  /** False when the search was ended by its time limit: more may match beyond it. */
  readonly isComplete: boolean
  readonly examined: number
  /** The time in the order of the list up to which everything has been searched; null in orders without one. */
  readonly reachedAt: string | null
}

/** How far the search for the rows of a list has gone, over all its pages. */
export interface SearchState {
  readonly examined: number
  readonly reachedAt: string | null
  /** What makes it go on: nothing, scrolling to the end of the rows, or a click. */
  readonly goesOn: 'by itself' | 'with scrolling' | 'with a click'
}

// Milliseconds of searching without a click: a search costs the server as much as many pages.
const LONGEST = 30_000

/** Follows the searches of a list, and limits how long they go on by themselves. */
export class SearchMeter {
  private spent = 0
  private found = 0
  private examined = 0

  constructor(
    private readonly pageSize: number,
    private readonly clock: () => number = Date.now,
  ) {}

  /** Runs `read` and counts its time. */
  async time<T>(read: () => PromiseLike<T>): Promise<T> {
    const started = this.clock()
    try {
      return await read()
    } finally {
      this.spent += this.clock() - started
    }
  }

  /** The state after a page of `rows` rows; null once the search is complete. */
  after({ isComplete, examined, reachedAt }: SearchProgress, rows: number): SearchState | null {
    this.examined += examined
    this.found += rows
    if (isComplete) {
      this.allowMore()
      return null
    }
    const isUp = this.spent >= LONGEST
    const isFull = this.found >= this.pageSize
    // A page of rows is a result: whoever scrolls beyond it gets the time for another.
    if (isFull) this.allowMore()
    return {
      examined: this.examined,
      reachedAt,
      goesOn: isFull ? 'with scrolling' : isUp ? 'with a click' : 'by itself',
    }
  }

  /** Allows searches the whole time again. */
  allowMore(): void {
    this.spent = 0
    this.found = 0
  }

  /** Counts from the start of the list again. */
  restart(): void {
    this.allowMore()
    this.examined = 0
  }
}

/** How far a search went, such as `Searched back to 3 Nov 12:30`; `now` in milliseconds. */
export function describeSearch(
  { reachedAt, examined }: SearchState,
  order: readonly SortKey[],
  now: number,
  zone?: string,
): string {
  if (reachedAt === null) return messages.model.searchedExecutions(formatCount(examined))
  const time = formatDate(Date.parse(reachedAt), now, zone)
  const { searchedUpTo, searchedBackTo } = messages.model
  return order[0]?.direction === 'ASC' ? searchedUpTo(time) : searchedBackTo(time)
}
