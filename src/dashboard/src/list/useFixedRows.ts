import { useLayoutEffect, useState, type RefObject } from 'react'
import { flushSync } from 'react-dom'
import { topToShow, visibleRows, withMore, type RowRange, type Viewport } from '../model/fixedRows.ts'

// Rows beside those that can be seen, so that scrolling does not have to wait for them.
const MORE = 10

interface FixedRows {
  /** Those that can be seen. */
  visible: RowRange
  /** Those to render. */
  rendered: RowRange
  /** Scrolls to a row, if it cannot be seen as a whole. */
  show: (index: number) => void
}

/** Which of `count` rows to render in an element that scrolls, whose first child begins with the head. */
export function useFixedRows(scroller: RefObject<HTMLElement | null>, count: number, rowHeight: number): FixedRows {
  const [visible, setVisible] = useState<RowRange>({ first: 0, end: 0 })

  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null) return
    const update = (): void => {
      const next = visibleRows(viewportOf(element), rowHeight)
      setVisible((before) => (before.first === next.first && before.end === next.end ? before : next))
    }
    // At once: what is scrolled to would be seen empty otherwise.
    const onScroll = (): void => flushSync(update)
    const observer = new ResizeObserver(update)
    update()
    observer.observe(element)
    element.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', onScroll)
    }
  }, [scroller, rowHeight])

  function show(index: number): void {
    const element = scroller.current
    element?.scrollTo({ top: topToShow(index, viewportOf(element), rowHeight) })
  }

  return { visible, rendered: withMore(visible, MORE, count), show }
}

function viewportOf(element: HTMLElement): Viewport {
  const head = element.firstElementChild?.firstElementChild
  return { top: element.scrollTop, height: element.clientHeight, head: head?.clientHeight ?? 0 }
}
