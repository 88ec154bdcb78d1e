import { useEffect, type RefObject } from 'react'

/** A zoom by one key or click, and by a wheel's usual notch of 100 pixels. */
export const ZOOM_STEP = 1.5
const PIXELS_OF_STEP = 100

/** Zooms by the wheel over `element`: with Ctrl alone, which pinches on touchpads set, too, unless it `isPlain`. */
export function useWheelZoom(
  element: RefObject<HTMLElement | null>,
  onZoom: (factor: number, clientX: number, clientY: number) => void,
  isPlain: (target: Element) => boolean,
): void {
  useEffect(() => {
    const current = element.current
    if (current === null) return
    function onWheel(event: WheelEvent): void {
      const isZoom = event.ctrlKey || event.metaKey || (event.target instanceof Element && isPlain(event.target))
      if (!isZoom || event.deltaY === 0) return
      event.preventDefault()
      onZoom(ZOOM_STEP ** (event.deltaY / PIXELS_OF_STEP), event.clientX, event.clientY)
    }
    // React's own listeners are passive: they cannot keep the page from being zoomed.
    current.addEventListener('wheel', onWheel, { passive: false })
    return () => current.removeEventListener('wheel', onWheel)
  })
}
