import { useState, type RefObject, type SyntheticEvent } from 'react'
import { useLocation } from 'wouter'
import { Bar } from '../bar/Bar.tsx'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import { Menu } from '../components/Menu.tsx'
import { Popover } from '../components/Popover.tsx'
import { COLUMNS, DEFAULT_COLUMNS, nameColumn } from '../model/columns.ts'
import { listPath } from '../model/paths.ts'
import { nameOrder, SORT_FIELDS, type SortKey } from '../model/sorting.ts'
import { printView, type View } from '../model/view.ts'
import styles from './ListPage.module.css'
import { deleteView, saveView, setShowsNewAtOnce, useSavedViews, useShowsNewAtOnce } from './preferences.ts'

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
      <SavedViews view={view} />
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
      name={`Sort: ${name}`}
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

function SavedViews({ view }: { view: View }) {
  const views = useSavedViews()
  const [, navigate] = useLocation()
  const [name, setName] = useState('')
  const query = printView(view)

  function save(event: SyntheticEvent): void {
    event.preventDefault()
    if (name.trim() === '') return
    saveView({ name: name.trim(), query })
    setName('')
  }

  return (
    <Popover
      label={
        <>
          <Icon name="bookmark" />
          <span>Views</span>
        </>
      }
      name="Views"
      align="end"
    >
      {(close) => (
        <>
          {views.map((saved) => (
            <div key={saved.name} className={styles.saved}>
              <button
                type="button"
                className={form.option}
                aria-current={saved.query === query}
                onClick={() => {
                  navigate(listPath(saved.query))
                  close()
                }}
              >
                {saved.name}
              </button>
              <Button kind="quiet" aria-label={`Delete view ${saved.name}`} onClick={() => deleteView(saved.name)}>
                <Icon name="close" />
              </Button>
            </div>
          ))}
          <form className={styles.save} onSubmit={save}>
            <input
              className={form.input}
              value={name}
              aria-label="Name of the view"
              placeholder="Name of the view"
              onChange={(event) => setName(event.target.value)}
            />
            <Button type="submit">Save</Button>
          </form>
          <p className={styles.hint}>Views are saved in this browser. To share one, copy its URL.</p>
        </>
      )}
    </Popover>
  )
}

function Display({ view, change }: Omit<ToolbarProps, 'inputRef'>) {
  const showsNewAtOnce = useShowsNewAtOnce()
  return (
    <Popover
      label={
        <>
          <Icon name="sliders" />
          <span>Display</span>
        </>
      }
      name="Display"
      align="end"
    >
      {() => (
        <>
          <p className={form.heading}>Rows</p>
          <label className={form.option}>
            <input
              type="checkbox"
              checked={view.density === 'compact'}
              onChange={(event) => change({ density: event.target.checked ? 'compact' : 'comfortable' })}
            />
            Compact
          </label>
          <label className={form.option}>
            <input
              type="checkbox"
              checked={showsNewAtOnce}
              onChange={(event) => setShowsNewAtOnce(event.target.checked)}
            />
            Add new rows automatically
          </label>
          <p className={form.heading}>Columns</p>
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
            Reset columns
          </Button>
        </>
      )}
    </Popover>
  )
}
