import type { ReactNode } from 'react'
import styles from './Popover.module.css'
import { useDropdown } from './useDropdown.ts'

interface PopoverProps {
  /** The content of the button. */
  label: ReactNode
  /** The accessible name of the button and of the panel, where the content of the button is not enough. */
  name?: string
  className?: string | undefined
  align?: 'start' | 'end'
  /** The content of the panel; it gets a function that closes the panel. */
  children: (close: () => void) => ReactNode
}

const FOCUSABLE = 'a[href], button:not(:disabled), input:not(:disabled), select, textarea, [tabindex="0"]'

/** A button with a panel of controls below it, a dialog that is not modal: it gets the focus when it opens. */
export function Popover({ label, name, className, align = 'start', children }: PopoverProps) {
  const { button, panel, isOpen, close } = useDropdown((opened) => {
    const first =
      opened.querySelector<HTMLElement>('[aria-current="true"]') ?? opened.querySelector<HTMLElement>(FOCUSABLE)
    ;(first ?? opened).focus()
  })
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
        {isOpen && children(close)}
      </div>
    </div>
  )
}
