import type { ReactNode } from 'react'
import { Button } from './Button.tsx'
import styles from './ErrorBanner.module.css'

/** What is wrong with the page while there is something on it; with `onRetry`, a way to try once more. */
export function ErrorBanner({ children, onRetry }: { children: ReactNode; onRetry?: () => void }) {
  return (
    <p className={styles.problem} role="alert">
      {children} {onRetry !== undefined && <Button onClick={onRetry}>Try again</Button>}
    </p>
  )
}
