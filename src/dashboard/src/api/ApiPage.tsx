import { Fragment, useEffect, useState, type ReactNode } from 'react'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Notice } from '../components/Notice.tsx'
import styles from '../components/records.module.css'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { printCurl, readOperations, type ApiOperation } from '../model/openApi.ts'
import page from './ApiPage.module.css'

const DOCUMENT_PATH = '/api/v1/openapi.json'

/** The documentation of REST, from the server's own OpenAPI document. */
export default function ApiPage() {
  const [operations, setOperations] = useState<readonly ApiOperation[] | null>(null)
  const [hasFailed, setFailed] = useState(false)
  const words = messages.api
  useTitle(words.pageTitle)
  useEffect(() => {
    const aborting = new AbortController()
    fetch(DOCUMENT_PATH, { signal: aborting.signal })
      .then((response) => response.json())
      .then((document: unknown) => setOperations(readOperations(document)))
      .catch(() => setFailed(!aborting.signal.aborted))
    return () => aborting.abort()
  }, [])

  return (
    <div className={styles.page}>
      <header>
        <h1>{words.title}</h1>
        <p className={styles.faint}>
          {words.hint}{' '}
          <a href={DOCUMENT_PATH}>
            <code>openapi.json</code>
          </a>
        </p>
      </header>
      {hasFailed && <ErrorBanner>{words.failed}</ErrorBanner>}
      {operations === null && !hasFailed && <Notice kind="loading" title={messages.components.loading} />}
      {operations?.map((operation) => (
        <Operation key={`${operation.method} ${operation.path}`} operation={operation} />
      ))}
    </div>
  )
}

function Operation({ operation }: { operation: ApiOperation }) {
  const words = messages.api
  const name = `${operation.method} ${operation.path}`
  return (
    <section className={styles.card} aria-label={name}>
      <h2 className={page.name}>{name}</h2>
      <p>
        <Words text={operation.summary} /> <Words text={operation.description} />
      </p>
      <pre className={page.code} tabIndex={0}>
        {printCurl(operation, window.location.origin)}
      </pre>
      {operation.parameters.length > 0 && (
        <details>
          <summary>{words.parameters}</summary>
          <Table name={words.parameters} columns={[words.name, words.type, words.meaning]}>
            {operation.parameters.map((each) => (
              <tr key={each.name}>
                <td>
                  <code>{each.name}</code>
                  <p className={styles.hint}>{each.isRequired ? words.required : each.place}</p>
                </td>
                <td>{each.type}</td>
                <td>
                  <Words text={each.description} />
                </td>
              </tr>
            ))}
          </Table>
        </details>
      )}
      <details>
        <summary>{words.responses}</summary>
        <Table name={words.responses} columns={[words.status, words.type, words.meaning]}>
          {operation.responses.map((each) => (
            <tr key={each.status}>
              <td>{each.status}</td>
              <td>{each.types}</td>
              <td>
                <Words text={each.description} />
              </td>
            </tr>
          ))}
        </Table>
      </details>
    </section>
  )
}

function Table({ name, columns, children }: { name: string; columns: readonly string[]; children: ReactNode }) {
  return (
    <div className={styles.scroller} tabIndex={0} role="group" aria-label={name}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map((each) => (
              <th key={each}>{each}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

/** Words with `code` between backticks. */
function Words({ text }: { text: string }) {
  return text.split('`').map((part, index) =>
    // The order never changes.
    index % 2 === 1 ? <code key={index}>{part}</code> : <Fragment key={index}>{part}</Fragment>,
  )
}
