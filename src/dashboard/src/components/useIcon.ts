import { useEffect } from 'react'
import completed from './logo-completed.svg'
import failed from './logo-failed.svg'
import usual from './logo.svg'
import type { Status } from '../model/status.ts'

// Files, since the Content-Security-Policy allows no data: URL.
const ICONS: Partial<Record<Status, string>> = { COMPLETED: completed, FAILED: failed, TIMED_OUT: failed }

/** Shows in the icon of the page how an execution has ended; null, and any other status, shows the usual icon. */
export function useIcon(status: Status | null): void {
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
    if (link === null) return
    link.href = (status && ICONS[status]) ?? usual
    return () => {
      link.href = usual
    }
  }, [status])
}
