import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import styles from './Popover.module.css'

interface PopoverProps {
  /** The content of the button. */
  label: ReactNode
  /** The accessible name of the button, where its content is not enough. */
  name?: string
  className?: string | undefined
  align?: 'start' | 'end'
  /** The content of the panel; it gets a function that closes the panel. */
  children: (close: () => void) => ReactNode
}

/** A button with a panel that opens below it; Escape and a click elsewhere close it. */
export function Popover({ label, name, className, align = 'start', children }: PopoverProps) {
  const [isOpen, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const id = useId()
  const buttonId = useId()

  useEffect(() => {
    if (!isOpen) return
    function onPointer(event: PointerEvent): void {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false)
    }
    function onKey(event: KeyboardEvent): void {
      if (event.key === 'Escape') {
        setOpen(false)
        document.getElementById(buttonId)?.focus()
      }
    }
    document.addEventListener('pointerdown', onPointer)
    document.addEventListener('keydown', onKey)
    return () => {
      document.removeEventListener('pointerdown', onPointer)
      document.removeEventListener('keydown', onKey)
    }
  }, [isOpen, buttonId])

  function close(): void {
    setOpen(false)
    document.getElementById(buttonId)?.focus()
  }

  return (
    <div className={styles.root} ref={root}>
      <button
        id={buttonId}
        type="button"
        className={className ?? styles.button}
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={name}
        onClick={() => setOpen(!isOpen)}
      >
        {label}
      </button>
      {isOpen && (
        <div id={id} className={`${styles.panel ?? ''} ${styles[align] ?? ''}`}>
          {children(close)}
        </div>
      )}
    </div>
  )
}
