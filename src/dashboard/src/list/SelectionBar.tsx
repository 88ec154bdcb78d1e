import { useState } from 'react'
import { Button } from '../components/Button.tsx'
import { messages } from '../messages/messages.ts'
import type { ExportFormat } from '../model/exports.ts'
import { formatCount } from '../model/numbers.ts'
import styles from './ListPage.module.css'

interface SelectionBarProps {
  ids: readonly string[]
  onExport: (format: ExportFormat) => void
  /** Selects all rows that are loaded. */
  onAll: () => void
  onClear: () => void
}

/** What can be done with the executions that are selected. */
export default function SelectionBar({ ids, onExport, onAll, onClear }: SelectionBarProps) {
  const [copied, setCopied] = useState<readonly string[] | null>(null)
  return (
    <section className={styles.selection} aria-label={messages.list.selection}>
      <strong role="status">{messages.list.selected(formatCount(ids.length))}</strong>
      <Button
        onClick={() => {
          void navigator.clipboard.writeText(ids.join('\n')).then(() => setCopied(ids))
        }}
      >
        {copied === ids ? messages.list.copied : messages.list.copyIds}
      </Button>
      <ExportButton format={messages.list.asCsv} onClick={() => onExport('csv')} />
      <ExportButton format={messages.list.asJsonLines} onClick={() => onExport('jsonl')} />
      <Button className={styles.all ?? ''} onClick={onAll}>
        {messages.list.selectLoaded}
      </Button>
      <Button kind="quiet" onClick={onClear}>
        {messages.list.clearSelection}
      </Button>
    </section>
  )
}

function ExportButton({ format, onClick }: { format: string; onClick: () => void }) {
  return (
    <Button onClick={onClick}>
      {/* On a phone, the format alone is seen. */}
      <span className={styles.prefix}>{messages.list.exportSelected}: </span>
      {format}
    </Button>
  )
}
