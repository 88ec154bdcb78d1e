import { useEffect, useRef } from 'react'
import { Button } from '../components/Button.tsx'
import styles from '../components/records.module.css'
import { Secret } from '../components/Secret.tsx'
import { messages } from '../messages/messages.ts'
import type { MadeKey } from './operations.ts'

/** A key that was made, shown once. */
export function NewKey({ made, onDone }: { made: MadeKey; onDone: () => void }) {
  const words = messages.keys
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <section className={styles.card} aria-label={words.newKey}>
      <h2 ref={heading} tabIndex={-1}>
        {words.copyNow}
      </h2>
      <Secret label={words.keyOf(made.accessKey.name)} value={made.key} />
      <details>
        <summary>{words.secretFor}</summary>
        <Secret label={words.secret} value={made.signingSecret} />
      </details>
      <div className={styles.actions}>
        <Button onClick={onDone}>{messages.components.done}</Button>
      </div>
    </section>
  )
}
