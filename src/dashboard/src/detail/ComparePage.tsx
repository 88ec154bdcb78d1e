import { useQuery } from 'urql'
import { useLocation } from 'wouter'
import { useSearch } from 'wouter/use-browser-location'
import { Button } from '../components/Button.tsx'
import { Notice } from '../components/Notice.tsx'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { comparePath } from '../model/paths.ts'
import styles from './Comparison.module.css'
import { Comparison } from './Comparison.tsx'
import { COMPARED } from './compareOperations.ts'
import { RunChooser } from './RunChooser.tsx'

/** The page that compares two executions, whose ids are in the address as `a` and `b`. */
export default function ComparePage() {
  const text = messages.detail.compare
  const parameters = new URLSearchParams(useSearch())
  const [a, b] = [parameters.get('a') ?? '', parameters.get('b') ?? '']
  const [, navigate] = useLocation()
  const open = (one: string, other: string): void => navigate(comparePath(one, other))
  const [{ data }] = useQuery({ query: COMPARED, variables: { id: a }, pause: a === '' })
  const workflow = data?.execution?.workflowName ?? null
  useTitle(`${text.title} – ${messages.app.name}`)
  return (
    <div className={styles.comparison}>
      <h1>{text.title}</h1>
      <div className={styles.choosers}>
        <RunChooser label={text.run1} workflow={workflow} onChoose={(id) => open(id, b)} />
        <RunChooser label={text.run2} workflow={workflow} onChoose={(id) => open(a, id)} />
        {a !== '' && b !== '' && <Button onClick={() => open(b, a)}>{text.swap}</Button>}
      </div>
      {a === '' || b === '' ? (
        <Notice kind="empty" title={text.choose} />
      ) : (
        <Comparison key={`${a} ${b}`} one={a} other={b} names={[text.first, text.second]} />
      )}
    </div>
  )
}
