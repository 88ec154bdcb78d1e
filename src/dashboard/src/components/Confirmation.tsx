import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { messages } from '../messages/messages.ts'
import { Button } from './Button.tsx'
import styles from './records.module.css'

interface ConfirmationProps {
  title: string
  children: ReactNode
  /** The words on the button that does it. */
  action: string
  /** Does it; throws an Error with a message for people. */
  onConfirm: () => Promise<void>
  /** It was done or cancelled. */
  onClose: () => void
}

/** A modal dialog before what cannot be undone. */
export function Confirmation({ title, children, action, onConfirm, onClose }: ConfirmationProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [])

  async function confirm(): Promise<void> {
    try {
      await onConfirm()
      dialog.current?.close()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      <p>{children}</p>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <Button kind="primary" onClick={() => void confirm()}>
          {action}
        </Button>
        <Button onClick={() => dialog.current?.close()}>{messages.components.cancel}</Button>
      </div>
    </dialog>
  )
}
