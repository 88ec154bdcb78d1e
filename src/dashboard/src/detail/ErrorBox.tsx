import styles from './ErrorBox.module.css'

interface Failure {
  message: string
  code: string | null
  type: string | null
  stackTrace: string | null
  retryable: boolean | null
}

/** The error of an execution or a step: message, details, and the stack trace folded. */
export function ErrorBox({ error, stepId }: { error: Failure; stepId?: string | null }) {
  const details = [error.type, error.code, stepId && `in step ${stepId}`, error.retryable === true && 'retryable']
  return (
    <section className={styles.box} aria-label="Error">
      <p className={styles.message}>{error.message}</p>
      <p className={styles.details}>{details.filter(Boolean).join(' · ')}</p>
      {error.stackTrace !== null && (
        <details>
          <summary>Stack trace</summary>
          <pre tabIndex={0}>{error.stackTrace}</pre>
        </details>
      )}
    </section>
  )
}
