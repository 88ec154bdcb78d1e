import { messages } from '../messages/messages.ts'
import {
  exportAddresses,
  nameOfFile,
  reasonOfIncomplete,
  startOfRows,
  type Exported,
  type ExportFormat,
} from '../model/exports.ts'

/** A file to save. */
export interface ExportedFile {
  name: string
  content: Blob
  /** Why it does not have all that match; null where it has. */
  incomplete: string | null
}

// Bytes at the end of a file in which its last line is looked for, where it says why the file is incomplete.
const END = 2_000

/**
 * Reads the executions that are `exported` into one file; `onBytes` is called with their size so far.
 *
 * @throws Error with a message for people, or an `AbortError`.
 */
export async function readExport(
  exported: Exported,
  format: ExportFormat,
  { token, signal, onBytes }: { token: string; signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<ExportedFile> {
  const parts: Blob[] = []
  let size = 0
  let name = ''
  for (const address of exportAddresses(format, exported)) {
    const response = await fetch(address, { headers: { authorization: `Bearer ${token}` }, signal })
    if (!response.ok) throw new Error(await readProblem(response))
    name ||= nameOfFile(response.headers.get('content-disposition'), format)
    const content = await readBody(response, (bytes) => onBytes(size + bytes))
    const start = parts.length === 0 ? 0 : startOfRows(format, await content.slice(0, END).text())
    parts.push(content.slice(start))
    size += content.size
  }
  const content = new Blob(parts, { type: format === 'csv' ? 'text/csv' : 'application/jsonl' })
  return { name, content, incomplete: reasonOfIncomplete(format, await content.slice(-END).text()) }
}

/** The body of `response`; one that broke off is what has come of it, if its last line says why. */
async function readBody(response: Response, onBytes: (bytes: number) => void): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  const reader = response.body?.getReader()
  try {
    for (;;) {
      const read = await reader?.read()
      if (read?.value === undefined) break
      chunks.push(read.value)
      size += read.value.byteLength
      onBytes(size)
    }
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    const found = new Blob(chunks)
    const end = await found.slice(-END).text()
    if (reasonOfIncomplete('csv', end) === null && reasonOfIncomplete('jsonl', end) === null) {
      throw new Error(messages.list.exportBroken, { cause: error })
    }
    return found
  }
  return new Blob(chunks)
}

/** Has the browser save `file`. */
export function saveFile({ name, content }: ExportedFile): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser reads it after the click.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

async function readProblem(response: Response): Promise<string> {
  try {
    const problem: unknown = await response.json()
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail)
  } catch {
    // A proxy's page.
  }
  return `${response.status} ${response.statusText}`
}
