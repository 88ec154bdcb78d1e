import { useState } from 'react'
import { messages } from '../messages/messages.ts'
import { Button } from './Button.tsx'
import form from './form.module.css'
import styles from './records.module.css'

/** A secret that is shown once, with a button that copies it. */
export function Secret({ label, value }: { label: string; value: string }) {
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
        <Button onClick={copy} aria-label={messages.components.copyNamed(label)}>
          {isCopied ? messages.components.copied : messages.components.copy}
        </Button>
      )}
      <span className="visually-hidden" role="status">
        {isCopied && messages.components.copied}
      </span>
    </div>
  )
}
