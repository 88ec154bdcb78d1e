import { lazy, memo, type RefObject } from 'react'
import { Bar } from '../bar/Bar.tsx'
import { SavedViews } from '../bar/SavedViews.tsx'
import { Icon } from '../components/Icon.tsx'
import { Menu } from '../components/Menu.tsx'
import { Popover } from '../components/Popover.tsx'
import { messages } from '../messages/messages.ts'
import { nameOrder, SORT_FIELDS, type SortKey } from '../model/sorting.ts'
import type { View } from '../model/view.ts'

// Loaded when it is opened.
const DisplayPanel = lazy(() => import('./DisplayPanel.tsx'))

interface ToolbarProps {
  view: View
  change: (changes: Partial<View>) => void
  inputRef: RefObject<HTMLInputElement | null>
}

/** The controls of the list: filter, time range, order, saved views, display. */
export const Toolbar = memo(function Toolbar({ view, change, inputRef }: ToolbarProps) {
  return (
    <Bar scope={view} onChange={change} inputRef={inputRef}>
      <SortOrder order={view.order} onChange={(order) => change({ order })} />
      <SavedViews />
      <Display view={view} change={change} />
    </Bar>
  )
})

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
      {() => <DisplayPanel view={view} change={change} />}
    </Popover>
  )
}
