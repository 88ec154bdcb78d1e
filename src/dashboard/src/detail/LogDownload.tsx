import { useEffect, useRef, useState } from 'react'
import { useClient } from 'urql'
import { Button } from '../components/Button.tsx'
import { Menu } from '../components/Menu.tsx'
import { messages } from '../messages/messages.ts'
import { nameLogFile, type LogFormat } from '../model/logFile.ts'
import type { LineFilter } from '../model/logLines.ts'
import { formatCount } from '../model/numbers.ts'
import { readLog, saveFile } from './logDownload.ts'

/** Saves the lines that match the filter as a file: all of the log, loaded or not. */
export function LogDownload({ executionId, filter }: { executionId: string; filter: LineFilter }) {
  const text = messages.detail.logs
  const client = useClient()
  const [count, setCount] = useState<number | null>(null)
  const [error, setError] = useState<string | null>(null)
  // Counts downloads, so that those that were cancelled end.
  const current = useRef(0)
  useEffect(() => () => void (current.current += 1), [])

  async function download(format: LogFormat): Promise<void> {
    const number = (current.current += 1)
    const isCancelled = (): boolean => current.current !== number
    setError(null)
    setCount(0)
    try {
      const content = await readLog(client, executionId, filter, format, { isCancelled, onLines: setCount })
      if (content !== null) saveFile(content, nameLogFile(executionId, format))
    } catch (problem) {
      if (!isCancelled() && problem instanceof Error) setError(problem.message)
    }
    if (!isCancelled()) setCount(null)
  }

  function cancel(): void {
    current.current += 1
    setCount(null)
  }

  if (count !== null) return <Button onClick={cancel}>{text.downloading(formatCount(count))}</Button>
  return (
    <>
      {error !== null && <span role="alert">{error}</span>}
      <Menu
        label={text.download}
        align="end"
        items={[
          { name: text.downloadText, onSelect: () => void download('text') },
          { name: text.downloadJson, onSelect: () => void download('json') },
        ]}
      />
    </>
  )
}
