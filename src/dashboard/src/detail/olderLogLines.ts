import type { Client } from '@urql/core'
import { explain } from '../graphql/client.ts'
import { EVERY_LINE, linesBefore, type LineFilter, type Tail } from '../model/logLines.ts'
import { OLDER_LOG_LINES, type LogLine } from './operations.ts'

/** A page of lines, the oldest first, or why there is none. */
export type OlderPage = { lines: LogLine[] } | { error: string }

// As many pages may hold nothing but lines that are there before one is found that is not.
const MOST_PAGES = 20

/** What a filter lets through of a log, page by page from its end to its beginning. */
export class OlderLogLines {
  hasMore = true
  isReading = false
  private cursor: string | null = null

  constructor(
    private readonly client: Client,
    private readonly id: string,
    private readonly filter = EVERY_LINE,
  ) {}

  /** The next lines that come before those of `tail`; none at the beginning of the log. */
  async read(tail: Tail<LogLine>): Promise<OlderPage> {
    this.isReading = true
    try {
      return await this.readPages(tail)
    } finally {
      this.isReading = false
    }
  }

  private async readPages(tail: Tail<LogLine>): Promise<OlderPage> {
    for (let page = 0; page < MOST_PAGES && this.hasMore; page += 1) {
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

function argumentsFor({ minLevel, search }: LineFilter) {
  return {
    minLevel: minLevel === EVERY_LINE.minLevel ? null : minLevel,
    search: search.trim() === '' ? null : search.trim(),
  }
}
