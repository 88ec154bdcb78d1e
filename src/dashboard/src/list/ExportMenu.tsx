import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { messages } from '../messages/messages.ts'
import type { ExportFormat } from '../model/exports.ts'

/** The formats in which all executions that match are exported. */
export function ExportMenu({ onExport }: { onExport: (format: ExportFormat) => void }) {
  const formats = { csv: messages.list.asCsv, jsonl: messages.list.asJsonLines }
  return (
    <Popover
      label={
        <>
          <Icon name="download" />
          <span>{messages.list.export}</span>
        </>
      }
      name={messages.list.exportAll}
      align="end"
    >
      {(close) =>
        (['csv', 'jsonl'] as const).map((format) => (
          <button
            key={format}
            type="button"
            className={form.option}
            onClick={() => {
              onExport(format)
              close()
            }}
          >
            {formats[format]}
          </button>
        ))
      }
    </Popover>
  )
}
