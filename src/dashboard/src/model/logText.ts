import { stripEscapes } from './ansi.ts'

// More than anyone reads in a list of lines; the rest is counted.
const MAX_LINES = 500

/** `message` as a terminal would have left it: a carriage return begins its line again, as progress bars do. */
export function drawnText(message: string): string {
  const text = message.replace(/\s+$/, '')
  if (!/[\r\n]/.test(text)) return text
  const lines = text.split(/\r?\n/).map(lastDrawn)
  if (lines.length <= MAX_LINES) return lines.join('\n')
  return [...lines.slice(0, MAX_LINES - 1), `… ${lines.length - MAX_LINES + 1} more lines`].join('\n')
}

/** How many lines `drawnText` has. */
export function countLines(message: string): number {
  if (!message.includes('\n')) return 1
  return Math.min(MAX_LINES, message.replace(/\s+$/, '').split('\n').length)
}

function lastDrawn(line: string): string {
  const drawn = line.split('\r').filter((each) => stripEscapes(each) !== '')
  return drawn.at(-1) ?? ''
}
