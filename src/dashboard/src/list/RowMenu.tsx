import { useEffect, useRef } from 'react'
import { useLocation } from 'wouter'
import { Icon } from '../components/Icon.tsx'
import { Menu, type MenuItem } from '../components/Menu.tsx'
import { messages } from '../messages/messages.ts'
import { facetOf, textOf } from '../model/cells.ts'
import { nameColumn, type Column } from '../model/columns.ts'
import { only, without } from '../model/facets.ts'
import type { Filter } from '../model/filter.ts'
import styles from './ExecutionTable.module.css'
import type { Execution } from './operations.ts'
import { useWorkflowPath } from './useWorkflowPath.ts'

interface RowMenuProps {
  row: Execution
  filter: Filter
  onFilter: (filter: Filter) => void
  /** Set anew to open it. */
  opens: object | null
}

const FILTERED: readonly Column[] = ['status', 'workflow', 'who', 'error']
const COPIED: readonly Column[] = ['id', 'workflow', 'error']

/** The actions of the cells of one row, for keyboards: show only a value, exclude it, copy it, open its page. */
export default function RowMenu({ row, filter, onFilter, opens }: RowMenuProps) {
  const root = useRef<HTMLSpanElement>(null)
  const [, navigate] = useLocation()
  const pathOf = useWorkflowPath()
  useEffect(() => {
    // Not within the effect: the menu renders its items before it is shown, which React does not do there.
    if (opens !== null) queueMicrotask(() => root.current?.querySelector('button')?.click())
  }, [opens])
  const filters = FILTERED.flatMap((column): MenuItem[] => {
    const facet = facetOf(row, column)
    if (facet === null) return []
    const { field, value, name } = facet
    return [
      { name: messages.list.only(nameColumn(column), name), onSelect: () => onFilter(only(filter, field, value)) },
      { name: messages.list.not(nameColumn(column), name), onSelect: () => onFilter(without(filter, field, value)) },
    ]
  })
  const copies = COPIED.flatMap((column): MenuItem[] => {
    const text = textOf(row, column)
    const copy = (): void => void navigator.clipboard.writeText(text)
    return text === '' ? [] : [{ name: messages.list.copy(nameColumn(column)), onSelect: copy }]
  })
  const page = {
    name: messages.list.workflowPage(row.workflowName),
    onSelect: () => navigate(pathOf(row.workflowName)),
  }
  return (
    <span ref={root}>
      <Menu
        label={<Icon name="more" />}
        name={messages.list.actions(row.workflowName)}
        className={styles.menu}
        align="end"
        items={[...filters, page, ...copies]}
      />
    </span>
  )
}
