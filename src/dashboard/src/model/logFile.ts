import { stripEscapes } from './ansi.ts'
import type { LogLine } from './logLines.ts'

/** A format of downloaded logs. */
export type LogFormat = 'text' | 'json'

/** A line as it is written into a file, with its end: as text without escape sequences, or as JSON with all that it has. */
export function printLine(line: LogLine, format: LogFormat): string {
  if (format === 'json') return `${JSON.stringify(line)}\n`
  const step = line.stepId === null ? '' : ` [${line.stepId}]`
  return `${line.at} ${line.level}${step} ${stripEscapes(line.message).trimEnd()}\n`
}

/** The name of the file of a log. */
export function nameLogFile(executionId: string, format: LogFormat): string {
  const name = executionId.replace(/[^\w.-]+/g, '_').slice(0, 100)
  return `${name}.log${format === 'json' ? '.jsonl' : ''}`
}
