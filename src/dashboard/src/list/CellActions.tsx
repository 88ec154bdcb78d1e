import { useEffect, useState, type RefObject } from 'react'
import { Link } from 'wouter'
import { Icon } from '../components/Icon.tsx'
import { messages } from '../messages/messages.ts'
import { facetOf, textOf } from '../model/cells.ts'
import { isColumn, nameColumn, type Column } from '../model/columns.ts'
import { only, without } from '../model/facets.ts'
import type { Filter } from '../model/filter.ts'
import styles from './CellActions.module.css'
import type { Execution } from './operations.ts'
import { useWorkflowPath } from './useWorkflowPath.ts'

interface CellActionsProps {
  scroller: RefObject<HTMLElement | null>
  rows: readonly Execution[]
  filter: Filter
  onFilter: (filter: Filter) => void
}

/** The cell that the pointer is on, and where its actions are. */
interface HoveredCell {
  executionId: string
  column: Column
  style: React.CSSProperties
}

/**
 * Buttons at the end of the cell that the pointer is on: show only its value, exclude it, copy it; of a workflow, its page. There is one group of them for
 * all cells, and none for keyboards: the menu of the selected row has the same.
 */
export default function CellActions({ scroller, rows, filter, onFilter }: CellActionsProps) {
  const cell = useHoveredCell(scroller)
  const pathOf = useWorkflowPath()
  const row = rows.find(({ executionId }) => executionId === cell?.executionId)
  if (cell === null || row === undefined) return null
  const facet = facetOf(row, cell.column)
  const text = textOf(row, cell.column)
  if (facet === null && text === '') return null
  const field = nameColumn(cell.column)

  return (
    <div className={styles.actions} style={cell.style} data-cell-actions="">
      {facet !== null && (
        <>
          <ActionButton
            icon="filter"
            name={messages.list.only(field, facet.name)}
            onClick={() => onFilter(only(filter, facet.field, facet.value))}
          />
          <ActionButton
            icon="exclude"
            name={messages.list.not(field, facet.name)}
            onClick={() => onFilter(without(filter, facet.field, facet.value))}
          />
        </>
      )}
      {cell.column === 'workflow' && (
        <Link
          href={pathOf(row.workflowName)}
          tabIndex={-1}
          aria-label={messages.list.workflowPage(row.workflowName)}
          title={messages.list.workflowPage(row.workflowName)}
        >
          <Icon name="workflow" />
        </Link>
      )}
      {text !== '' && (
        <ActionButton
          key={`${row.executionId} ${cell.column}`}
          icon="copy"
          name={messages.list.copy(field)}
          onClick={() => void navigator.clipboard.writeText(text)}
          isCopy
        />
      )}
    </div>
  )
}

interface ActionButtonProps {
  icon: 'filter' | 'exclude' | 'copy'
  name: string
  isCopy?: boolean
  onClick: () => void
}

function ActionButton({ icon, name, isCopy = false, onClick }: ActionButtonProps) {
  const [isDone, setDone] = useState(false)
  const title = isDone ? messages.list.copied : name
  return (
    <button
      type="button"
      tabIndex={-1}
      aria-label={title}
      title={title}
      onClick={() => {
        onClick()
        setDone(isCopy)
      }}
    >
      <Icon name={isDone ? 'check' : icon} />
    </button>
  )
}

function useHoveredCell(scroller: RefObject<HTMLElement | null>): HoveredCell | null {
  const [hovered, setHovered] = useState<HoveredCell | null>(null)
  useEffect(() => {
    const element = scroller.current
    if (element === null || !window.matchMedia('(hover: hover)').matches) return
    const onPointer = ({ target }: PointerEvent): void => {
      if (!(target instanceof Element) || target.closest('[data-cell-actions]') !== null) return
      const cell = target.closest<HTMLElement>('[role="cell"]')
      setHovered(cell === null ? null : read(cell, element))
    }
    const onLeave = (): void => setHovered(null)
    // The pointer may have come before these listeners.
    const frame = requestAnimationFrame(() => {
      const cell = element.querySelector<HTMLElement>('[role="cell"]:hover')
      if (cell !== null) setHovered(read(cell, element))
    })
    element.addEventListener('pointerover', onPointer)
    element.addEventListener('pointerleave', onLeave)
    return () => {
      cancelAnimationFrame(frame)
      element.removeEventListener('pointerover', onPointer)
      element.removeEventListener('pointerleave', onLeave)
    }
  }, [scroller])
  return hovered
}

function read(cell: HTMLElement, scroller: HTMLElement): HoveredCell | null {
  const { column = '' } = cell.dataset
  const executionId = cell.closest<HTMLElement>('[role="row"]')?.dataset.id
  if (!isColumn(column) || executionId === undefined) return null
  const [inner, outer] = [cell.getBoundingClientRect(), scroller.getBoundingClientRect()]
  const isRightToLeft = getComputedStyle(scroller).direction === 'rtl'
  const start = isRightToLeft ? outer.right - inner.left : inner.right - outer.left
  return {
    executionId,
    column,
    style: {
      top: inner.top - outer.top + scroller.scrollTop,
      height: inner.height,
      insetInlineStart: start + Math.abs(scroller.scrollLeft),
    },
  }
}
