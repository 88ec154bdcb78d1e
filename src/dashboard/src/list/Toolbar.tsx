import { useState, type RefObject, type SyntheticEvent } from 'react'
import { useLocation } from 'wouter'
import { COLUMNS, infoOf, USUAL_COLUMNS } from '../model/columns.ts'
import { nameDate } from '../model/dates.ts'
import { nameOrder, SORT_FIELDS, type SortKey } from '../model/sorting.ts'
import { printView, type View } from '../model/view.ts'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { FilterBar } from './FilterBar.tsx'
import styles from './ListPage.module.css'
import { chooseJoining, forgetView, saveView, useJoinsAtOnce, useSavedViews } from './preferences.ts'

interface ToolbarProps {
  view: View
  change: (part: Partial<View>) => void
  inputRef: RefObject<HTMLInputElement | null>
}

const RANGES = [null, '-15m', '-1h', '-6h', '-24h', '-7d', '-30d']

/** What decides what the list shows, and how. */
export function Toolbar({ view, change, inputRef }: ToolbarProps) {
  return (
    <div className={styles.toolbar}>
      <FilterBar filter={view.filter} onChange={(filter) => change({ filter })} inputRef={inputRef} />
      <div className={styles.controls}>
        <Range since={view.since} onChange={(since) => change({ since })} />
        <Order order={view.order} onChange={(order) => change({ order })} />
        <SavedViews view={view} />
        <Display view={view} change={change} />
      </div>
    </div>
  )
}

function Range({ since, onChange }: { since: string | null; onChange: (since: string | null) => void }) {
  const ranges = RANGES.includes(since) ? RANGES : [...RANGES, since]
  return (
    <Popover
      label={
        <>
          <Icon name="time" />
          <span>{nameRange(since)}</span>
        </>
      }
      name={`Created: ${nameRange(since)}`}
      align="end"
    >
      {(close) =>
        ranges.map((range) => (
          <button
            key={range}
            type="button"
            className={form.option}
            aria-current={range === since}
            onClick={() => {
              onChange(range)
              close()
            }}
          >
            {nameRange(range)}
          </button>
        ))
      }
    </Popover>
  )
}

function nameRange(since: string | null): string {
  return since === null ? 'Any time' : `Last ${nameDate(since).replace(/ ago$/, '').replace(/^1 /, '')}`
}

function Order({ order, onChange }: { order: readonly SortKey[]; onChange: (order: readonly SortKey[]) => void }) {
  const [first] = order
  const name = first === undefined ? '' : nameOrder(first)
  return (
    <Popover
      label={
        <>
          <Icon name="order" />
          <span>{name}</span>
        </>
      }
      name={`Order: ${name}`}
      align="end"
    >
      {(close) =>
        SORT_FIELDS.flatMap((field) =>
          (['DESC', 'ASC'] as const).map((direction) => (
            <button
              key={`${field} ${direction}`}
              type="button"
              className={form.option}
              aria-current={first?.field === field && first.direction === direction}
              onClick={() => {
                onChange([{ field, direction }])
                close()
              }}
            >
              {nameOrder({ field, direction })}
            </button>
          )),
        )
      }
    </Popover>
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
                  navigate(saved.query === '' ? '/' : `/?${saved.query}`)
                  close()
                }}
              >
                {saved.name}
              </button>
              <Button kind="quiet" aria-label={`Forget ${saved.name}`} onClick={() => forgetView(saved.name)}>
                <Icon name="close" />
              </Button>
            </div>
          ))}
          <form className={styles.save} onSubmit={save}>
            <input
              className={form.input}
              value={name}
              aria-label="Name of this view"
              placeholder="Name of this view"
              onChange={(event) => setName(event.target.value)}
            />
            <Button type="submit">Save</Button>
          </form>
          <p className={styles.hint}>Views are kept in this browser. To share one, copy the address.</p>
        </>
      )}
    </Popover>
  )
}

function Display({ view, change }: Omit<ToolbarProps, 'inputRef'>) {
  const joinsAtOnce = useJoinsAtOnce()
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
            <input type="checkbox" checked={joinsAtOnce} onChange={(event) => chooseJoining(event.target.checked)} />
            Show new ones at once
          </label>
          <p className={form.heading}>Columns</p>
          {COLUMNS.map((column) => (
            <label key={column} className={form.option}>
              <input
                type="checkbox"
                checked={view.columns.includes(column)}
                // The workflow is the way to the execution.
                disabled={column === 'workflow'}
                onChange={(event) =>
                  change({
                    columns: COLUMNS.filter((each) =>
                      each === column ? event.target.checked : view.columns.includes(each),
                    ),
                  })
                }
              />
              {infoOf(column).title}
            </label>
          ))}
          <Button kind="quiet" onClick={() => change({ columns: USUAL_COLUMNS })}>
            Usual columns
          </Button>
        </>
      )}
    </Popover>
  )
}
