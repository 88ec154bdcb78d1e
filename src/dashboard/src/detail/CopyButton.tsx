import { useEffect, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { messages } from '../messages/messages.ts'

interface CopyButtonProps {
  /** The text to copy, made when it is needed. */
  text: () => string
  name?: string
  className?: string | undefined
}

// Milliseconds.
const TOLD_FOR = 3_000

/** Copies a text, and says so. */
export function CopyButton({ text, name = messages.detail.copy, className }: CopyButtonProps) {
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = window.setTimeout(() => setCopied(false), TOLD_FOR)
    return () => window.clearTimeout(timer)
  }, [isCopied])
  // Browsers offer the clipboard to pages from HTTPS or from the own machine alone.
  if (!window.isSecureContext) return null
  const copy = (): void => void navigator.clipboard.writeText(text()).then(() => setCopied(true))
  return (
    <Button kind="quiet" className={className ?? ''} onClick={copy}>
      {isCopied ? messages.detail.copied : name}
    </Button>
  )
}
