import type { LiveStatus } from '../model/liveStatus.ts'
import type { Recoveries } from '../model/retries.ts'
import type { Rows } from '../model/rows.ts'
import type { SearchState } from '../model/searchProgress.ts'
import { NO_SELECTION, type Selection } from '../model/selection.ts'
import type { Execution } from './operations.ts'

/** Where a list was left: the scroll position, and the row that the keys move from. */
export interface Place {
  top: number
  selected: string | null
}

/** The state of the list that the page shows. */
export interface Snapshot {
  /** Null until the first page has been read. */
  rows: Rows<Execution> | null
  /** What recovered executions that ended without success. */
  recoveries: Recoveries
  hasMore: boolean
  /** How far the search went when it was ended by its time limit; otherwise null. */
  search: SearchState | null
  isReading: boolean
  /** Why the last read failed, as a sentence. */
  error: string | null
  status: LiveStatus
  /** The lag of the server behind its database. */
  behindSeconds: number
  /** How many new executions are not shown yet. */
  waiting: number
  /** The rows that are chosen to do something with. */
  selection: Selection
}

export const INITIAL: Snapshot = {
  rows: null,
  recoveries: new Map(),
  hasMore: false,
  search: null,
  isReading: true,
  error: null,
  status: 'connecting',
  behindSeconds: 0,
  waiting: 0,
  selection: NO_SELECTION,
}
