import { useEffect } from 'react'

/** Shows `title` as that of the page; null keeps the one before. */
export function useTitle(title: string | null): void {
  useEffect(() => {
    if (title !== null) document.title = title
  }, [title])
}
