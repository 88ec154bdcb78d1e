import { Suspense, useLayoutEffect, useRef, type ReactNode } from 'react'
import { messages } from '../messages/messages.ts'
import styles from './Popover.module.css'
import { useDropdown } from './useDropdown.ts'

interface PopoverProps {
  /** The content of the button. */
  label: ReactNode
  /** The accessible name of the button and of the panel, where the content of the button is not enough. */
  name?: string
  className?: string | undefined
  align?: 'start' | 'end'
  /** The content of the panel, which may be loaded when it is opened; it gets a function that closes the panel. */
  children: (close: () => void) => ReactNode
}

const FOCUSABLE = 'a[href], button:not(:disabled), input:not(:disabled), select, textarea, [tabindex="0"]'

/** A button with a panel of controls below it, a dialog that is not modal: it gets the focus when it opens. */
export function Popover({ label, name, className, align = 'start', children }: PopoverProps) {
  const { button, panel, isOpen, close } = useDropdown(focusFirst)
  return (
    <div
      className={styles.root}
      onBlur={(event) => {
        // Tab leads on to the rest of the page. Without a target, the focus is in another window.
        const target = event.relatedTarget
        if (isOpen && target !== null && !event.currentTarget.contains(target)) close()
      }}
    >
      <button {...button} type="button" className={className ?? styles.button} aria-haspopup="dialog" aria-label={name}>
        {label}
      </button>
      <div
        {...panel}
        className={`${styles.panel ?? ''} ${styles[align] ?? ''}`}
        role="dialog"
        tabIndex={-1}
        aria-label={name}
        aria-labelledby={name === undefined ? button.id : undefined}
      >
        {isOpen && (
          <Suspense fallback={<p>{messages.components.loading}</p>}>
            <Content>{children(close)}</Content>
          </Suspense>
        )}
      </div>
    </div>
  )
}

/** The content of a panel: once it is loaded it gets the focus, if the panel still waits for it with the focus. */
function Content({ children }: { children: ReactNode }) {
  const marker = useRef<HTMLSpanElement>(null)
  useLayoutEffect(() => {
    const panel = marker.current?.parentElement
    if (panel !== undefined && panel !== null && panel === document.activeElement) focusFirst(panel)
  }, [])
  return (
    <>
      <span ref={marker} hidden />
      {children}
    </>
  )
}

function focusFirst(panel: HTMLElement): void {
  const first = panel.querySelector<HTMLElement>('[aria-current="true"]') ?? panel.querySelector<HTMLElement>(FOCUSABLE)
  ;(first ?? panel).focus()
}
