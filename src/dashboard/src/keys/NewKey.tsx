import { useEffect, useRef, useState } from 'react'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import styles from './KeysPage.module.css'
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

function Secret({ label, value }: { label: string; value: string }) {
  const [isCopied, setCopied] = useState(false)
  const copy = (): void => {
    void navigator.clipboard.writeText(value).then(() => setCopied(true))
  }
  return (
    <div className={styles.secret}>
      <input
        className={`${form.input ?? ''} ${styles.mono ?? ''}`}
        aria-label={label}
        value={value}
        readOnly
        spellCheck={false}
        onFocus={(event) => event.target.select()}
      />
      {/* Browsers offer the clipboard to pages from HTTPS or from the own machine alone. */}
      {window.isSecureContext && (
        <Button onClick={copy} aria-label={`Copy: ${label}`}>
          {isCopied ? 'Copied' : 'Copy'}
        </Button>
      )}
      <span className="visually-hidden" role="status">
        {isCopied && 'Copied'}
      </span>
    </div>
  )
}
