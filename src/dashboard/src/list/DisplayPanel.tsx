import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { messages } from '../messages/messages.ts'
import { COLUMNS, DEFAULT_COLUMNS, nameColumn } from '../model/columns.ts'
import type { View } from '../model/view.ts'
import { setShowsNewAtOnce, useShowsNewAtOnce } from './preferences.ts'

interface DisplayPanelProps {
  view: View
  change: (changes: Partial<View>) => void
}

/** How the list looks: the height of its rows, what becomes of new ones, and its columns. */
export default function DisplayPanel({ view, change }: DisplayPanelProps) {
  const showsNewAtOnce = useShowsNewAtOnce()
  return (
    <>
      <p className={form.heading}>{messages.list.rows}</p>
      <label className={form.option}>
        <input
          type="checkbox"
          checked={view.density === 'compact'}
          onChange={(event) => change({ density: event.target.checked ? 'compact' : 'comfortable' })}
        />
        {messages.list.compact}
      </label>
      <label className={form.option}>
        <input type="checkbox" checked={showsNewAtOnce} onChange={(event) => setShowsNewAtOnce(event.target.checked)} />
        {messages.list.showNewAtOnce}
      </label>
      <p className={form.heading}>{messages.list.columns}</p>
      {COLUMNS.map((column) => (
        <label key={column} className={form.option}>
          <input
            type="checkbox"
            checked={view.columns.includes(column)}
            // The workflow holds the link to the execution.
            disabled={column === 'workflow'}
            onChange={(event) =>
              change({
                columns: COLUMNS.filter((each) =>
                  each === column ? event.target.checked : view.columns.includes(each),
                ),
              })
            }
          />
          {nameColumn(column)}
        </label>
      ))}
      <Button kind="quiet" onClick={() => change({ columns: DEFAULT_COLUMNS })}>
        {messages.list.resetColumns}
      </Button>
    </>
  )
}
