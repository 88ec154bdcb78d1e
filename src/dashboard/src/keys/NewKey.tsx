import { useEffect, useRef } from 'react'
import { Button } from '../components/Button.tsx'
import styles from '../components/records.module.css'
import { Secret } from '../components/Secret.tsx'
import type { MadeKey } from './operations.ts'

/** A key that was made, shown once. */
export function NewKey({ made, onDone }: { made: MadeKey; onDone: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <section className={styles.card} aria-label="The new key">
      <h2 ref={heading} tabIndex={-1}>
        Copy the key now: it is not shown again
      </h2>
      <Secret label={`Key of ${made.accessKey.name}`} value={made.key} />
      <details>
        <summary>Secret for senders that sign with HMAC, such as GitHub</summary>
        <Secret label="Signing secret" value={made.signingSecret} />
      </details>
      <div className={styles.actions}>
        <Button onClick={onDone}>Done</Button>
      </div>
    </section>
  )
}
