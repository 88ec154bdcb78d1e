import { useEffect, useSyncExternalStore } from 'react'

const KEY = 'execution-monitor.shortcuts'
// Between the keys of a sequence such as `g l`.
const PATIENCE = 1_000

const listeners = new Set<() => void>()

/** Whether single keys do something: people who speak to their computer switch that off (WCAG 2.1.4). */
export function useShortcutsOn(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => localStorage.getItem(KEY) !== 'off',
  )
}

/** Switches single keys on or off, for this browser. */
export function switchShortcuts(isOn: boolean): void {
  localStorage.setItem(KEY, isOn ? 'on' : 'off')
  listeners.forEach((tell) => tell())
}

// A checkbox takes no letters; besides, focus stays for a frame on the one in a dialog that has closed.
const TAKES_LETTERS = 'input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]'
const TAKES_ENTER = `${TAKES_LETTERS}, a[href], button, input, summary`

/**
 * Calls what `actions` has for a key, or for two one after another (`g l`), unless the key is for what has the focus, or
 * a dialog is in front.
 */
export function useShortcuts(actions: Record<string, () => void>): void {
  const isOn = useShortcutsOn()
  useEffect(() => {
    if (!isOn) return
    let previous = ''
    let at = 0
    function onKey(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return
      const sequence = event.timeStamp - at < PATIENCE ? `${previous} ${event.key}` : ''
      const action = actions[sequence] ?? actions[event.key]
      previous = event.key
      at = event.timeStamp
      if (action === undefined) return
      event.preventDefault()
      action()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [actions, isOn])
}

function isTaken({ key, target }: KeyboardEvent): boolean {
  if (document.querySelector('dialog:modal') !== null) return true
  return target instanceof Element && target.closest(key === 'Enter' ? TAKES_ENTER : TAKES_LETTERS) !== null
}
