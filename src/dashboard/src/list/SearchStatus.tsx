import { Button } from '../components/Button.tsx'
import { useNow } from '../components/useNow.ts'
import { useZone } from '../components/ZoneContext.ts'
import { describeSearch, type SearchState } from '../model/searchProgress.ts'
import type { SortKey } from '../model/sorting.ts'
import styles from './ListPage.module.css'

interface SearchStatusProps {
  search: SearchState
  order: readonly SortKey[]
  onSearch: () => void
}

/** How far an unfinished search went, and a button to go on where it does not do so by itself. */
export function SearchStatus({ search, order, onSearch }: SearchStatusProps) {
  const now = useNow()
  const zone = useZone()
  return (
    <p className={styles.search} role="status">
      {describeSearch(search, order, now, zone)}
      {search.goesOn === 'by itself' ? ' …' : <Button onClick={onSearch}>Search further</Button>}
    </p>
  )
}
