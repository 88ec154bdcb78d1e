import { useLayoutEffect, useState, type RefObject } from 'react'

/** The width of an element in pixels, as it changes; that of the window until the element is there. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(window.innerWidth)
  useLayoutEffect(() => {
    if (element.current === null) return
    const { current } = element
    const update = (): void => setWidth(current.clientWidth)
    const observer = new ResizeObserver(update)
    // Before it is painted; the observer comes after that.
    update()
    observer.observe(current)
    return () => observer.disconnect()
  }, [element])
  return width
}
