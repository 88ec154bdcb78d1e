import type { Client, OperationResult } from '@urql/core'
import { explain } from '../graphql/client.ts'
import type { ResultOf } from '../graphql/graphql.ts'
import { printLine, type LogFormat } from '../model/logFile.ts'
import type { LineFilter } from '../model/logLines.ts'
import { argumentsFor } from './olderLogLines.ts'
import { NEXT_LOG_LINES } from './logOperations.ts'

type Page = ResultOf<typeof NEXT_LOG_LINES>

interface Progress {
  isCancelled: () => boolean
  onLines: (count: number) => void
}

/**
 * All lines of a log that match `filter`, page by page, as the content of a file; null when it was cancelled.
 *
 * Throws an Error with a sentence for people when the server does not answer.
 */
export async function readLog(
  client: Client,
  id: string,
  filter: LineFilter,
  format: LogFormat,
  { isCancelled, onLines }: Progress,
): Promise<Blob | null> {
  const parts: string[] = []
  let count = 0
  let after: string | null = null
  for (;;) {
    const result: OperationResult<Page> = await client.query(NEXT_LOG_LINES, { id, after, ...argumentsFor(filter) })
    if (isCancelled()) return null
    const logs = result.data?.execution?.logs
    if (logs === undefined) throw new Error(explain(result.error))
    parts.push(logs.nodes.map((line) => printLine(line, format)).join(''))
    count += logs.nodes.length
    onLines(count)
    after = logs.pageInfo.endCursor
    if (!logs.pageInfo.hasNextPage) return new Blob(parts, { type: 'text/plain;charset=utf-8' })
  }
}

/** Has the browser save `content` as a file. */
export function saveFile(content: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  // The browser has begun to read it by then.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
