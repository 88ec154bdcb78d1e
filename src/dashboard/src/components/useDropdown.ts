import { type MouseEvent, useEffect, useId, useState, type ToggleEvent } from 'react'
import { flushSync } from 'react-dom'

// Pixels between a button and its panel, and what a panel keeps from the edge of the page.
const GAP = 4
// Pixels below the button with less than which the panel opens above it.
const LEAST_BELOW = 180

/** The attributes of a button and of the panel that it opens, and a function that closes the panel. */
export interface Dropdown {
  isOpen: boolean
  button: {
    id: string
    popoverTarget: string
    onClick: (event: MouseEvent) => void
    'aria-expanded': boolean
    'aria-controls': string | undefined
  }
  panel: {
    id: string
    popover: 'auto'
    onBeforeToggle: (event: ToggleEvent<HTMLElement>) => void
    onToggle: (event: ToggleEvent<HTMLElement>) => void
  }
  open: () => void
  close: () => void
}

/**
 * A panel below a button, as the platform's `popover`: Escape and a click elsewhere close it, and give the focus back.
 *
 * `onOpened` gets the panel, to move the focus into it.
 */
export function useDropdown(onOpened: (panel: HTMLElement) => void): Dropdown {
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  const buttonId = useId()

  useEffect(() => {
    if (!isOpen) return
    const update = (): void => place(id, buttonId)
    window.addEventListener('resize', update)
    window.addEventListener('scroll', update, { capture: true, passive: true })
    return () => {
      window.removeEventListener('resize', update)
      window.removeEventListener('scroll', update, { capture: true })
    }
  }, [isOpen, id, buttonId])

  /** Show or hide the panel; the focus is within it before the next key comes, which the `toggle` event may not be. */
  function show(isShown?: boolean): void {
    const shown = document.getElementById(id)
    if (shown?.togglePopover(isShown) === true) onOpened(shown)
  }

  return {
    isOpen,
    button: {
      id: buttonId,
      // Without it a click on the button would close the panel and open it again.
      popoverTarget: id,
      onClick: (event) => {
        event.preventDefault()
        show()
      },
      'aria-expanded': isOpen,
      'aria-controls': isOpen ? id : undefined,
    },
    panel: {
      id,
      popover: 'auto',
      onBeforeToggle: (event) => {
        // Events of panels within this one bubble.
        if (event.target !== event.currentTarget || event.newState !== 'open') return
        // The content must be there when the panel is shown.
        flushSync(() => setOpen(true))
        place(id, buttonId)
      },
      onToggle: (event) => {
        if (event.target !== event.currentTarget || event.newState === 'open') return
        const { activeElement } = document
        // Browsers give the focus back from the outermost of panels alone.
        const isLost = activeElement === document.body || event.currentTarget.contains(activeElement)
        if (isLost) document.getElementById(buttonId)?.focus()
        setOpen(false)
      },
    },
    open: () => show(true),
    close: () => document.getElementById(id)?.hidePopover(),
  }
}

/** Tells the style of the panel where its button is. */
function place(panelId: string, buttonId: string): void {
  const panel = document.getElementById(panelId)
  const button = document.getElementById(buttonId)
  if (panel === null || button === null) return
  const { top, bottom, left, right } = button.getBoundingClientRect()
  const [width, height] = [window.innerWidth, window.innerHeight]
  const isRightToLeft = document.documentElement.dir === 'rtl'
  const isAbove = height - bottom < LEAST_BELOW && top > height - bottom
  const set = (name: string, value: string): void => panel.style.setProperty(name, value)
  set('--start', `${isRightToLeft ? width - right : left}px`)
  set('--end', `${isRightToLeft ? left : width - right}px`)
  set('--top', isAbove ? 'auto' : `${bottom + GAP}px`)
  set('--bottom', isAbove ? `${height - top + GAP}px` : 'auto')
  set('--room', `${(isAbove ? top : height - bottom) - 2 * GAP}px`)
}
