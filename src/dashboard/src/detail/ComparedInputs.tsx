import { codeOf, explain } from '../graphql/client.ts'
import { messages } from '../messages/messages.ts'
import { compareInputs } from '../model/comparison.ts'
import { printJson } from '../model/exactJson.ts'
import styles from './Comparison.module.css'
import { PAYLOADS } from './operations.ts'
import { useExactQuery } from './useExactQuery.ts'

// Characters of a value; the page of the execution shows all of it.
const MAX_VALUE = 500

interface ComparedInputsProps {
  one: string
  other: string
  names: readonly [string, string]
}

/** The inputs in which two executions differ. */
export function ComparedInputs({ one, other, names }: ComparedInputsProps) {
  const text = messages.detail.compare
  const [oneResult] = useExactQuery({ query: PAYLOADS, variables: { id: one } })
  const [otherResult] = useExactQuery({ query: PAYLOADS, variables: { id: other } })
  const error = oneResult.error ?? otherResult.error
  if (error !== undefined) {
    return (
      <section>
        <h2>{text.inputs}</h2>
        <p className={styles.faint}>
          {codeOf(error) === 'FORBIDDEN' ? text.inputsScope('executions:payload') : explain(error)}
        </p>
      </section>
    )
  }
  if (oneResult.data === undefined || otherResult.data === undefined) return null
  const differences = compareInputs(
    oneResult.data.execution?.inputParameters,
    otherResult.data.execution?.inputParameters,
  )
  return (
    <section>
      <h2>{text.inputsDiffer}</h2>
      {differences.length === 0 ? (
        <p className={styles.faint}>{text.inputsSame}</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              {[text.input, ...names].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {differences.map((each) => (
              <tr key={each.path}>
                <th scope="row">
                  <code>{each.path === '' ? text.entireInput : each.path}</code>
                </th>
                <td>{show(each.now)}</td>
                <td>{show(each.before)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function show(value: unknown) {
  return value === undefined ? (
    messages.detail.compare.missingValue
  ) : (
    <code>{printJson(value).slice(0, MAX_VALUE)}</code>
  )
}
