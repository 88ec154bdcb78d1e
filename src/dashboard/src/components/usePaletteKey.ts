import { useEffect } from 'react'

// On a Mac, Ctrl-K deletes the rest of a line.
const IS_MAC = /^(Mac|iP)/.test(navigator.platform)

/** The keys of the command palette, as people of this platform know them. */
export const PALETTE_KEYS = [IS_MAC ? '⌘' : 'Ctrl', 'K']

type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>

/** Whether the key is that of the command palette: Ctrl-K, on a Mac Cmd-K. */
export function isPaletteKey({ key, ctrlKey, metaKey, altKey, shiftKey }: Keys): boolean {
  const isModified = IS_MAC ? metaKey && !ctrlKey : ctrlKey && !metaKey
  return isModified && !altKey && !shiftKey && key.toLowerCase() === 'k'
}

/** Calls `open` at the key of the command palette, wherever the focus is, except in a modal dialog. */
export function usePaletteKey(open: () => void): void {
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      // The palette itself has taken it to close.
      if (event.defaultPrevented || !isPaletteKey(event)) return
      if (document.querySelector('dialog:modal') !== null) return
      // Browsers search with it.
      event.preventDefault()
      open()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [open])
}
