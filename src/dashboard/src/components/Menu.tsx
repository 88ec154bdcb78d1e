import type { KeyboardEvent, ReactNode } from 'react'
import form from './form.module.css'
import styles from './Popover.module.css'
import { useDropdown } from './useDropdown.ts'

/** One action or choice of a menu. */
export interface MenuItem {
  name: string
  onSelect: () => void
  /** Whether it is the one chosen, of items of which one can be. */
  isChosen?: boolean
  isDisabled?: boolean
}

interface MenuProps {
  /** The content of the button. */
  label: ReactNode
  /** The accessible name of the button and of the menu, where the content of the button is not enough. */
  name?: string
  className?: string | undefined
  align?: 'start' | 'end'
  items: readonly MenuItem[]
}

/**
 * A button with a menu below it, with the keys of the ARIA authoring practices: arrows, Home, End and letters move within
 * the menu, Enter and Space choose, Escape gives the focus back to the button, and Tab goes on from there.
 */
export function Menu({ label, name, className, align = 'start', items }: MenuProps) {
  const { button, panel, isOpen, open, close } = useDropdown((menu) => {
    const chosen = menu.querySelector<HTMLElement>('[aria-checked="true"]')
    const at = menu.dataset.opens === 'last' ? -1 : 0
    delete menu.dataset.opens
    ;(at === 0 ? (chosen ?? itemsOf(menu)[0]) : itemsOf(menu).at(at))?.focus()
  })

  function handleButtonKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    event.preventDefault()
    const menu = document.getElementById(panel.id)
    if (menu !== null && event.key === 'ArrowUp') menu.dataset.opens = 'last'
    open()
  }

  function handleMenuKey(event: KeyboardEvent<HTMLElement>): void {
    const all = itemsOf(event.currentTarget)
    const at = all.findIndex((item) => item === document.activeElement)
    const target = targetOf(event.key, all, at)
    if (target !== undefined) {
      event.preventDefault()
      target.focus()
    } else if (event.key === 'Tab') close()
  }

  return (
    <div className={styles.root}>
      <button
        {...button}
        type="button"
        className={className ?? styles.button}
        aria-haspopup="menu"
        aria-label={name}
        onKeyDown={handleButtonKey}
      >
        {label}
      </button>
      <div
        {...panel}
        className={`${styles.panel ?? ''} ${styles[align] ?? ''}`}
        role="menu"
        aria-label={name}
        aria-labelledby={name === undefined ? button.id : undefined}
        onKeyDown={handleMenuKey}
      >
        {isOpen &&
          items.map((item) => (
            <button
              key={item.name}
              type="button"
              className={form.option}
              role={item.isChosen === undefined ? 'menuitem' : 'menuitemradio'}
              aria-checked={item.isChosen}
              aria-disabled={item.isDisabled}
              tabIndex={-1}
              onClick={() => {
                if (item.isDisabled === true) return
                close()
                item.onSelect()
              }}
            >
              {item.name}
            </button>
          ))}
      </div>
    </div>
  )
}

function itemsOf(menu: Element): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]')]
}

/** The item that a key leads to from the item at `at`; undefined for other keys. */
function targetOf(key: string, all: readonly HTMLElement[], at: number): HTMLElement | undefined {
  if (key === 'ArrowDown') return all[(at + 1) % all.length]
  if (key === 'ArrowUp') return all.at(at <= 0 ? -1 : at - 1)
  if (key === 'Home') return all[0]
  if (key === 'End') return all.at(-1)
  if (key.length !== 1 || key === ' ') return undefined
  const beginning = key.toLowerCase()
  const others = [...all.slice(at + 1), ...all.slice(0, at + 1)]
  return others.find((item) => item.textContent.trim().toLowerCase().startsWith(beginning))
}
