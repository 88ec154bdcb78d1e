import type { ReactNode, RefObject } from 'react'
import type { Scope } from '../model/scope.ts'
import styles from './Bar.module.css'
import { FilterBar } from './FilterBar.tsx'
import { TimeRange } from './TimeRange.tsx'

interface BarProps {
  scope: Scope
  onChange: (changes: Partial<Scope>) => void
  /** The input of the filter, so that a shortcut may focus it. */
  inputRef: RefObject<HTMLInputElement | null>
  /** Whether the time range may be open at its start. */
  hasAnyTime?: boolean
  /** Further controls of the page. */
  children?: ReactNode
}

/** The bar on top of a page: filter, range of time and time zone. */
export function Bar({ scope, onChange, inputRef, hasAnyTime = true, children }: BarProps) {
  return (
    <div className={styles.bar}>
      <FilterBar filter={scope.filter} onChange={(filter) => onChange({ filter })} inputRef={inputRef} />
      <div className={styles.controls}>
        <TimeRange scope={scope} onChange={onChange} hasAnyTime={hasAnyTime} />
        {children}
      </div>
    </div>
  )
}
