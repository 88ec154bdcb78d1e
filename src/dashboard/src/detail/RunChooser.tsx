import { useId } from 'react'
import { useQuery } from 'urql'
import { Button } from '../components/Button.tsx'
import { useNow } from '../components/useNow.ts'
import { useZone } from '../components/ZoneContext.ts'
import { messages } from '../messages/messages.ts'
import { formatDate } from '../model/dates.ts'
import { nameStatus } from '../model/status.ts'
import styles from './Comparison.module.css'
import { RECENT_RUNS } from './compareOperations.ts'

interface RunChooserProps {
  label: string
  /** The workflow whose latest runs are proposed; null for none. */
  workflow: string | null
  onChoose: (executionId: string) => void
}

/** A field for the id of an execution to compare with, which proposes the latest runs of a workflow. */
export function RunChooser({ label, workflow, onChoose }: RunChooserProps) {
  const text = messages.detail.compare
  const list = useId()
  const now = useNow()
  const zone = useZone()
  const [{ data }] = useQuery({
    query: RECENT_RUNS,
    variables: { workflow: workflow ?? '' },
    pause: workflow === null,
  })
  return (
    <form
      className={styles.chooser}
      action={(form) => {
        const id = form.get('id')
        if (typeof id === 'string' && id.trim() !== '') onChoose(id.trim())
      }}
    >
      <label>
        {label} <input name="id" list={list} placeholder={text.withPlaceholder} autoComplete="off" spellCheck={false} />
      </label>
      <datalist id={list}>
        {data?.executions.nodes.map(({ executionId, status, createdAt }) => (
          <option key={executionId} value={executionId}>
            {text.run(executionId, nameStatus(status), formatDate(Date.parse(createdAt), now, zone))}
          </option>
        ))}
      </datalist>
      <Button type="submit">{text.compare}</Button>
    </form>
  )
}
