import { Icon } from '../components/Icon.tsx'
import { Menu } from '../components/Menu.tsx'
import { messages } from '../messages/messages.ts'
import type { ExportFormat } from '../model/exports.ts'

/** The formats in which all executions that match are exported. */
export function ExportMenu({ onExport }: { onExport: (format: ExportFormat) => void }) {
  return (
    <Menu
      label={
        <>
          <Icon name="download" />
          <span>{messages.list.export}</span>
        </>
      }
      name={messages.list.exportAll}
      align="end"
      items={[
        { name: messages.list.asCsv, onSelect: () => onExport('csv') },
        { name: messages.list.asJsonLines, onSelect: () => onExport('jsonl') },
      ]}
    />
  )
}
