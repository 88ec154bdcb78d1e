import { useId, type KeyboardEvent, type ReactNode } from 'react'
import styles from './Tabs.module.css'

interface TabsProps<Tab extends string> {
  /** The accessible name of the list of tabs. */
  label: string
  /** The names of the tabs by their keys, in order. */
  tabs: Readonly<Record<Tab, string>>
  selected: Tab
  onSelect: (tab: Tab) => void
  panelClassName?: string | undefined
  /** The content of the selected tab. */
  children: ReactNode
}

/**
 * Tabs above the panel of the selected one, with the keys of the ARIA authoring practices: Tab leads to the selected tab
 * and from there to its panel; arrows, Home and End select another.
 */
export function Tabs<Tab extends string>(props: TabsProps<Tab>) {
  const { label, tabs, selected, onSelect, panelClassName = '', children } = props
  const id = useId()
  const keys = Object.keys(tabs) as Tab[]

  function handleKey(event: KeyboardEvent<HTMLElement>): void {
    const next = keys[indexAfter(event, keys.indexOf(selected), keys.length)]
    if (next === undefined) return
    event.preventDefault()
    onSelect(next)
    document.getElementById(`${id}${next}`)?.focus()
  }

  return (
    <>
      <div className={styles.tabs} role="tablist" aria-label={label} onKeyDown={handleKey}>
        {keys.map((each) => (
          <button
            key={each}
            id={`${id}${each}`}
            type="button"
            role="tab"
            className={styles.tab}
            aria-selected={each === selected}
            aria-controls={`${id}panel`}
            tabIndex={each === selected ? 0 : -1}
            onClick={() => onSelect(each)}
          >
            {tabs[each]}
          </button>
        ))}
      </div>
      <div
        id={`${id}panel`}
        className={`${styles.panel ?? ''} ${panelClassName}`}
        role="tabpanel"
        tabIndex={0}
        aria-labelledby={`${id}${selected}`}
      >
        {children}
      </div>
    </>
  )
}

/** The place that a key leads to from the tab at `at`; -1 for other keys. */
function indexAfter(event: KeyboardEvent<HTMLElement>, at: number, count: number): number {
  const isRightToLeft = getComputedStyle(event.currentTarget).direction === 'rtl'
  const [back, on] = isRightToLeft ? ['ArrowRight', 'ArrowLeft'] : ['ArrowLeft', 'ArrowRight']
  if (event.key === on) return (at + 1) % count
  if (event.key === back) return (at - 1 + count) % count
  if (event.key === 'Home') return 0
  return event.key === 'End' ? count - 1 : -1
}
