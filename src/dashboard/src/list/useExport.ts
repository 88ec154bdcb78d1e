import { useCallback, useEffect, useRef, useState } from 'react'
import { messages } from '../messages/messages.ts'
import type { Exported, ExportFormat } from '../model/exports.ts'
import { useSession } from '../session/session.ts'

/** How an export goes: bytes while it is read, and then what people are told. */
export type ExportState = { bytes: number } | { text: string; isProblem: boolean } | null

/** Exports to a file, one at a time. */
export interface Exporting {
  state: ExportState
  start: (exported: Exported, format: ExportFormat) => void
  /** Ends the export that runs, or takes back what was said of the last one. */
  dismiss: () => void
}

/** Exports of the list. */
export function useExport(): Exporting {
  const { token } = useSession()
  const [state, setState] = useState<ExportState>(null)
  const running = useRef<AbortController | null>(null)
  useEffect(() => () => running.current?.abort(), [])

  const start = useCallback(
    (exported: Exported, format: ExportFormat) => {
      if (token === null) return
      running.current?.abort()
      const controller = new AbortController()
      running.current = controller
      setState({ bytes: 0 })
      const { signal } = controller
      const show = (next: ExportState): void => {
        if (!signal.aborted) setState(next)
      }
      void exportTo(exported, format, { token, signal, onBytes: (bytes) => show({ bytes }) }).then(
        show,
        (error: unknown) =>
          show({
            text: messages.list.exportFailed(error instanceof Error ? error.message : String(error)),
            isProblem: true,
          }),
      )
    },
    [token],
  )
  const dismiss = useCallback(() => {
    running.current?.abort()
    setState(null)
  }, [])
  return { state, start, dismiss }
}

type Options = Parameters<(typeof import('./exportFile.ts'))['readExport']>[2]

async function exportTo(exported: Exported, format: ExportFormat, options: Options): Promise<ExportState> {
  // Most people who look at the list do not export it.
  const { readExport, saveFile } = await import('./exportFile.ts')
  const file = await readExport(exported, format, options)
  if (!options.signal.aborted) saveFile(file)
  return file.incomplete === null
    ? { text: messages.list.exported(file.name), isProblem: false }
    : { text: messages.list.exportIncomplete(file.name, file.incomplete), isProblem: true }
}
