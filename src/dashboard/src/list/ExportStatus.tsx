import { Button } from '../components/Button.tsx'
import { messages } from '../messages/messages.ts'
import styles from './ListPage.module.css'
import type { Exporting } from './useExport.ts'

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

/** How the export goes that runs, or how the last one ended. */
export function ExportStatus({ exporting: { state, dismiss } }: { exporting: Exporting }) {
  const isRunning = state !== null && 'bytes' in state
  return (
    <div className={styles.export} role="status" data-problem={state !== null && !isRunning && state.isProblem}>
      {state !== null && (
        <>
          <span>{isRunning ? messages.list.exporting(megabytes(state.bytes)) : state.text}</span>
          <Button kind="quiet" onClick={dismiss}>
            {isRunning ? messages.list.cancel : messages.list.dismiss}
          </Button>
        </>
      )}
    </div>
  )
}
