import { messages } from '../messages/messages.ts'
import { CopyButton } from './CopyButton.tsx'
import styles from './ErrorBox.module.css'

interface Failure {
  message: string
  code: string | null
  type: string | null
  stackTrace: string | null
  retryable: boolean | null
}

interface ErrorBoxProps {
  error: Failure
  /** The step that the error is of, where the box is of an execution; `onOpen` shows it. */
  step?: { name: string; onOpen: () => void } | undefined
}

/** The error of an execution or a step: message, details, and the stack trace folded. */
export function ErrorBox({ error, step }: ErrorBoxProps) {
  const text = messages.detail.error
  const details = [error.type, error.code, error.retryable === true && text.retryable].filter(Boolean).join(' · ')
  const all = (): string => [error.message, details, error.stackTrace].filter(Boolean).join('\n')
  return (
    <section className={styles.box} aria-label={text.label}>
      <div className={styles.head}>
        <p className={styles.message}>{error.message}</p>
        <CopyButton name={text.copy} text={all} />
      </div>
      <p className={styles.details}>
        {details}
        {step !== undefined && (
          <>
            {details !== '' && ' · '}
            <button type="button" className={styles.step} onClick={step.onOpen}>
              {text.inStep(step.name)}
            </button>
          </>
        )}
      </p>
      {error.stackTrace !== null && (
        <details>
          <summary>{text.stackTrace}</summary>
          <pre tabIndex={0} dir="ltr">
            {error.stackTrace}
          </pre>
        </details>
      )}
    </section>
  )
}
