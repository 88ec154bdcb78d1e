import type { RefObject } from 'react'
import { Bar } from '../bar/Bar.tsx'
import { SavedViews } from '../bar/SavedViews.tsx'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import { Menu } from '../components/Menu.tsx'
import { Popover } from '../components/Popover.tsx'
import { messages } from '../messages/messages.ts'
import { COLUMNS, DEFAULT_COLUMNS, nameColumn } from '../model/columns.ts'
import { nameOrder, SORT_FIELDS, type SortKey } from '../model/sorting.ts'
import type { View } from '../model/view.ts'
import { setShowsNewAtOnce, useShowsNewAtOnce } from './preferences.ts'

interface ToolbarProps {
  view: View
  change: (changes: Partial<View>) => void
  inputRef: RefObject<HTMLInputElement | null>
}

/** The controls of the list: filter, time range, order, saved views, display. */
export function Toolbar({ view, change, inputRef }: ToolbarProps) {
  return (
    <Bar scope={view} onChange={change} inputRef={inputRef}>
      <SortOrder order={view.order} onChange={(order) => change({ order })} />
      <SavedViews />
      <Display view={view} change={change} />
    </Bar>
  )
}

function SortOrder({ order, onChange }: { order: readonly SortKey[]; onChange: (order: readonly SortKey[]) => void }) {
  const [first] = order
  const name = first === undefined ? '' : nameOrder(first)
  return (
    <Menu
      label={
        <>
          <Icon name="sort" />
          <span>{name}</span>
        </>
      }
      name={messages.list.sort(name)}
      align="end"
      items={SORT_FIELDS.flatMap((field) =>
        (['DESC', 'ASC'] as const).map((direction) => ({
          name: nameOrder({ field, direction }),
          isChosen: first?.field === field && first.direction === direction,
          onSelect: () => onChange([{ field, direction }]),
        })),
      )}
    />
  )
}

function Display({ view, change }: Omit<ToolbarProps, 'inputRef'>) {
  const showsNewAtOnce = useShowsNewAtOnce()
  return (
    <Popover
      label={
        <>
          <Icon name="sliders" />
          <span>{messages.list.display}</span>
        </>
      }
      name={messages.list.display}
      align="end"
    >
      {() => (
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
            <input
              type="checkbox"
              checked={showsNewAtOnce}
              onChange={(event) => setShowsNewAtOnce(event.target.checked)}
            />
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
      )}
    </Popover>
  )
}
