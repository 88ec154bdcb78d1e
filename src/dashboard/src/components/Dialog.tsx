import { useLayoutEffect, useId, useRef, type ReactNode } from 'react'
import { messages } from '../messages/messages.ts'
import { Button } from './Button.tsx'
import styles from './Dialog.module.css'
import { Icon } from './Icon.tsx'

interface DialogProps {
  title: string
  className?: string
  /** Called when it was closed by Escape or its button: it must not be rendered then. */
  onClose: () => void
  children: ReactNode
}

/**
 * A modal dialog, open as long as it is rendered. The first control of its content has the focus, Tab stays within it,
 * Escape closes it, and afterwards what had the focus before has it again.
 */
export function Dialog({ title, className = '', onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useLayoutEffect(() => {
    const element = dialog.current
    element?.showModal()
    // Gives the focus back, which the removal of the element would not.
    return () => element?.close()
  }, [])

  return (
    <dialog
      ref={dialog}
      className={`${styles.dialog ?? ''} ${className}`}
      aria-labelledby={id}
      onCancel={(event) => {
        // Those of controls within it bubble.
        if (event.target !== event.currentTarget) return
        event.preventDefault()
        onClose()
      }}
      // A browser closes it at a second Escape without asking.
      onClose={(event) => {
        if (event.target === event.currentTarget) onClose()
      }}
    >
      <h2 id={id} className={styles.title}>
        {title}
      </h2>
      {children}
      {/* Last, so that the content has the focus. */}
      <div className={styles.close}>
        <Button kind="quiet" aria-label={messages.app.close} title={messages.app.close} onClick={onClose}>
          <Icon name="close" />
        </Button>
      </div>
    </dialog>
  )
}
