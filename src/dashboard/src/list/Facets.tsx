import { useEffect, useState, type MouseEvent } from 'react'
import { useClient } from 'urql'
import { Dialog } from '../components/Dialog.tsx'
import { Icon } from '../components/Icon.tsx'
import { StatusIcon } from '../components/StatusBadge.tsx'
import { messages } from '../messages/messages.ts'
import { choiceOf, FACETS, toggle, type Facet as FacetField } from '../model/facets.ts'
import type { Filter } from '../model/filter.ts'
import { nameField } from '../model/filterFields.ts'
import { toFilterInput } from '../model/filterInput.ts'
import { formatCount } from '../model/numbers.ts'
import { filterOf } from '../model/scope.ts'
import { isStatus, nameStatus, type Status } from '../model/status.ts'
import type { View } from '../model/view.ts'
import { FACET_VALUES, type FacetValues } from './facetOperations.ts'
import styles from './Facets.module.css'

// Milliseconds: counts cost the server more than a page of the list.
const REFRESH_AFTER = 30_000

interface FacetsProps {
  view: View
  id: string
  /** On a phone they are in a sheet over the list, which this closes; null where they stand beside it. */
  sheet: (() => void) | null
  onFilter: (filter: Filter) => void
}

/** Facets beside the list: the values of a field with how many executions have each; a click adds one to the filter. */
export default function Facets({ view, id, sheet, onFilter }: FacetsProps) {
  const values = useFacetValues(view)
  const { filter } = view
  const isKnown = values !== null && values !== 'failed'
  const shown = FACETS.filter((field) => isWorthShowing(field, values, filter))
  const content = (
    <>
      {values === 'failed' && <p className={styles.hint}>{messages.list.facetsFailed}</p>}
      {shown.map((field) => (
        <Facet key={field} field={field} values={isKnown ? values[field] : []} filter={filter} onFilter={onFilter} />
      ))}
      {isKnown && shown.length === 0 && <p className={styles.hint}>{messages.list.facetsEmpty}</p>}
      {isKnown && shown.length > 0 && sheet === null && <p className={styles.hint}>{messages.list.facetHint}</p>}
    </>
  )
  return sheet === null ? (
    <section id={id} className={styles.rail} aria-label={messages.list.facets}>
      {content}
    </section>
  ) : (
    <Dialog title={messages.list.facets} className={styles.sheet ?? ''} onClose={sheet}>
      <div>{content}</div>
    </Dialog>
  )
}

/** The values for what the list shows, read again from time to time while somebody looks; null until they are known. */
function useFacetValues(view: View): FacetValues | 'failed' | null {
  const client = useClient()
  const [values, setValues] = useState<FacetValues | 'failed' | null>(null)
  const key = JSON.stringify([view.filter, view.since, view.until])

  useEffect(
    () => {
      let isShown = true
      const read = async (): Promise<void> => {
        const filter = toFilterInput(filterOf(view), Date.now())
        const { data } = await client.query(FACET_VALUES, { filter }).toPromise()
        if (isShown) setValues(data?.executions.facets ?? 'failed')
      }
      void read()
      const timer = window.setInterval(() => {
        if (document.visibilityState === 'visible') void read()
      }, REFRESH_AFTER)
      return () => {
        isShown = false
        window.clearInterval(timer)
      }
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key holds what matters of the view
    [client, key],
  )
  return values
}

/** Whether there is something to choose, or to take back. */
function isWorthShowing(field: FacetField, values: FacetValues | 'failed' | null, filter: Filter): boolean {
  const { included, excluded } = choiceOf(filter, field)
  if (included.length + excluded.length > 0) return true
  if (values === null || values === 'failed') return false
  const found = values[field]
  // An owner alone, or no error at all, is nothing to choose by.
  return found.length > 1 || (found[0] !== undefined && found[0].value !== null && field !== 'userId')
}

interface FacetProps {
  field: FacetField
  values: FacetValues[FacetField]
  filter: Filter
  onFilter: (filter: Filter) => void
}

function Facet({ field, values, filter, onFilter }: FacetProps) {
  const { included, excluded } = choiceOf(filter, field)
  const known = new Set(values.map(({ value }) => value))
  const others = [...included, ...excluded].filter((value) => !known.has(value))

  return (
    <details className={styles.facet} open>
      <summary>{nameField(field)}</summary>
      <ul>
        {[...values, ...others.map((value) => ({ value, count: null, countIsExact: true }))].map((each) => {
          const isIncluded = included.includes(each.value)
          const isExcluded = excluded.includes(each.value)
          const name = nameValue(field, each.value)
          return (
            <li key={each.value ?? ''} data-excluded={isExcluded}>
              <button
                type="button"
                className={styles.value}
                aria-pressed={isIncluded}
                title={name}
                onClick={(event: MouseEvent) => {
                  onFilter(toggle(filter, field, each.value, event.altKey ? 'excluded' : 'included'))
                }}
              >
                {field === 'status' && isStatus(each.value ?? '') && <StatusIcon status={each.value as Status} />}
                <span className={styles.name}>{name}</span>
                <span className={styles.count}>{each.count !== null && nameCount(each.count, each.countIsExact)}</span>
              </button>
              <button
                type="button"
                className={styles.exclude}
                aria-pressed={isExcluded}
                aria-label={messages.list.exclude(name)}
                title={messages.list.exclude(name)}
                onClick={() => onFilter(toggle(filter, field, each.value, 'excluded'))}
              >
                <Icon name="exclude" />
              </button>
            </li>
          )
        })}
      </ul>
    </details>
  )
}

function nameValue(field: FacetField, value: string | null): string {
  if (value === null) return messages.list.noValue
  return field === 'status' && isStatus(value) ? nameStatus(value) : value
}

function nameCount(count: number, isExact: boolean): string {
  return isExact ? formatCount(count) : messages.list.atLeast(formatCount(count))
}
