import type { ReactNode } from 'react'
import { messages } from '../messages/messages.ts'
import { Button } from './Button.tsx'
import styles from './ErrorBanner.module.css'

/** An error above what the page still shows; with `onRetry` it has a button to try again. */
export function ErrorBanner({ children, onRetry }: { children: ReactNode; onRetry?: () => void }) {
  return (
    <p className={styles.problem} role="alert">
      {children} {onRetry !== undefined && <Button onClick={onRetry}>{messages.components.tryAgain}</Button>}
    </p>
  )
}
