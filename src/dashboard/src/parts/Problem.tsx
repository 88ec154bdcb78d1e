import type { ReactNode } from 'react'
import { Button } from './Button.tsx'
import styles from './Problem.module.css'

/** What is wrong with the page while there is something on it; with `onAgain`, a way to try once more. */
export function Problem({ children, onAgain }: { children: ReactNode; onAgain?: () => void }) {
  return (
    <p className={styles.problem} role="alert">
      {children} {onAgain !== undefined && <Button onClick={onAgain}>Try again</Button>}
    </p>
  )
}
