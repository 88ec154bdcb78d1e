import type { Client } from '@urql/core'
import { explain } from '../graphql/client.ts'
import { ALL_LINES, linesBefore, type LineFilter, type Tail } from '../model/logLines.ts'
import { OLDER_LOG_LINES } from './logOperations.ts'
import type { LogLine } from './operations.ts'

/** A page of lines, the oldest first, or the error of reading it. */
export type OlderPage = { lines: LogLine[] } | { error: string }

// Pages to read in search of a line that is not loaded yet.
const MAX_PAGES = 20

/** Reads the lines of a log that match a filter, page by page, from its end to its start. */
export class OlderLogLines {
  hasMore = true
  isLoading = false
  private cursor: string | null = null

  constructor(
    private readonly client: Client,
    private readonly id: string,
    private readonly filter = ALL_LINES,
  ) {}

  /** The next page of lines before `tail`; empty at the start of the log. */
  async read(tail: Tail<LogLine>): Promise<OlderPage> {
    this.isLoading = true
    try {
      return await this.readPages(tail)
    } finally {
      this.isLoading = false
    }
  }

  private async readPages(tail: Tail<LogLine>): Promise<OlderPage> {
    for (let page = 0; page < MAX_PAGES && this.hasMore; page += 1) {
      const { data, error } = await this.client.query(OLDER_LOG_LINES, {
        id: this.id,
        before: this.cursor,
        ...argumentsFor(this.filter),
      })
      const logs = data?.execution?.logs
      if (logs === undefined) return { error: explain(error) }
      this.cursor = logs.edges[0]?.cursor ?? this.cursor
      this.hasMore = logs.pageInfo.hasPreviousPage
      const lines = linesBefore(
        logs.edges.map((edge) => edge.node),
        tail,
      )
      if (lines.length > 0) return { lines }
    }
    return { lines: [] }
  }
}

/** The arguments of `logs` that select the lines of a filter. */
export function argumentsFor({ minLevel, search, stepId }: LineFilter) {
  return {
    stepId,
    minLevel: minLevel === ALL_LINES.minLevel ? null : minLevel,
    search: search.trim() === '' ? null : search.trim(),
  }
}
