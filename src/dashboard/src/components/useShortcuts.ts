import { useEffect, useSyncExternalStore } from 'react'

const KEY = 'execution-monitor.shortcuts'
// Milliseconds between the keys of a sequence such as `g l`.
const SEQUENCE_TIMEOUT = 1_000

const listeners = new Set<() => void>()

/** Whether shortcuts are on: speech input can trigger them by mistake, so they can be turned off (WCAG 2.1.4). */
export function useShortcutsEnabled(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => localStorage.getItem(KEY) !== 'off',
  )
}

/** Turns shortcuts on or off, for this browser. */
export function enableShortcuts(isEnabled: boolean): void {
  localStorage.setItem(KEY, isEnabled ? 'on' : 'off')
  listeners.forEach((notify) => notify())
}

// Not checkboxes: they take no letters, and one in a dialog has the focus for a frame after the dialog has closed.
const TAKES_LETTERS = 'input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]'
const TAKES_ENTER = `${TAKES_LETTERS}, a[href], button, input, summary`

/**
 * Calls the action for a key, or for a sequence of two (`g l`).
 *
 * Not while a dialog is open, nor where the focused element takes the key.
 */
export function useShortcuts(actions: Record<string, () => void>): void {
  const isEnabled = useShortcutsEnabled()
  useEffect(() => {
    if (!isEnabled) return
    let previous = ''
    let pressedAt = 0
    function onKey(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return
      const sequence = event.timeStamp - pressedAt < SEQUENCE_TIMEOUT ? `${previous} ${event.key}` : ''
      const action = actions[sequence] ?? actions[event.key]
      previous = event.key
      pressedAt = event.timeStamp
      if (action === undefined) return
      event.preventDefault()
      action()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [actions, isEnabled])
}

function isTaken({ key, target }: KeyboardEvent): boolean {
  if (document.querySelector('dialog:modal') !== null) return true
  return target instanceof Element && target.closest(key === 'Enter' ? TAKES_ENTER : TAKES_LETTERS) !== null
}
