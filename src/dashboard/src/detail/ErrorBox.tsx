import styles from './ErrorBox.module.css'

interface Failure {
  message: string
  code: string | null
  type: string | null
  stackTrace: string | null
  retryable: boolean | null
}

/** Why something failed: the message first, the stack trace for whoever asks. */
export function ErrorBox({ error, stepId }: { error: Failure; stepId?: string | null }) {
  const about = [
    error.type,
    error.code,
    stepId && `in step ${stepId}`,
    error.retryable === true && 'may be tried again',
  ]
  return (
    <section className={styles.box} aria-label="Error">
      <p className={styles.message}>{error.message}</p>
      <p className={styles.about}>{about.filter(Boolean).join(' · ')}</p>
      {error.stackTrace !== null && (
        <details>
          <summary>Stack trace</summary>
          <pre tabIndex={0}>{error.stackTrace}</pre>
        </details>
      )}
    </section>
  )
}
