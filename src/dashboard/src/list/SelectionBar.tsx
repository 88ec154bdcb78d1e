import { useState } from 'react'
import { Button } from '../components/Button.tsx'
import { messages } from '../messages/messages.ts'
import type { ExportFormat } from '../model/exports.ts'
import { formatCount } from '../model/numbers.ts'
import styles from './ListPage.module.css'

interface SelectionBarProps {
  ids: readonly string[]
  onExport: (format: ExportFormat) => void
  onClear: () => void
}

/** What can be done with the executions that are selected. */
export default function SelectionBar({ ids, onExport, onClear }: SelectionBarProps) {
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
      <Button onClick={() => onExport('csv')}>{`${messages.list.exportSelected}: ${messages.list.asCsv}`}</Button>
      <Button
        onClick={() => onExport('jsonl')}
      >{`${messages.list.exportSelected}: ${messages.list.asJsonLines}`}</Button>
      <Button kind="quiet" onClick={onClear}>
        {messages.list.clearSelection}
      </Button>
    </section>
  )
}
