import { useState } from 'react'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Notice } from '../components/Notice.tsx'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { titleOfPage } from '../model/titles.ts'
import { KeyForm } from './KeyForm.tsx'
import { KeyList } from './KeyList.tsx'
import styles from '../components/records.module.css'
import { NewKey } from './NewKey.tsx'
import type { MadeKey } from './operations.ts'
import { useAccessKeys } from './useAccessKeys.ts'

/** The page of the access keys, with which programs authenticate: list, make and revoke them. */
export default function KeysPage() {
  const { keys, viewer, next, error, read, create, revoke } = useAccessKeys()
  const [isMaking, setMaking] = useState(false)
  const [made, setMade] = useState<MadeKey | null>(null)
  useTitle(titleOfPage(messages.model.titles.keys))

  if (keys === null || viewer === null) {
    if (error === null) return <Notice kind="loading" isPage title="Loading …" />
    return (
      <Notice
        kind="error"
        isPage
        title="Access keys could not be loaded"
        action={<Button onClick={() => void read()}>Try again</Button>}
      >
        {error}
      </Notice>
    )
  }

  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div>
          <h1>Access keys</h1>
          <p className={styles.faint}>
            A program sends its key as <code>Authorization: Bearer em_…</code> or <code>x-api-key: em_…</code>
          </p>
        </div>
        {!isMaking && made === null && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            New key
          </Button>
        )}
      </header>
      {error !== null && <ErrorBanner onRetry={() => void read()}>{error}</ErrorBanner>}
      {made !== null && <NewKey made={made} onDone={() => setMade(null)} />}
      {isMaking && (
        <KeyForm
          viewer={viewer}
          onCancel={() => setMaking(false)}
          onCreate={async (input) => {
            setMade(await create(input))
            setMaking(false)
          }}
        />
      )}
      {keys.length === 0 ? (
        <Notice kind="empty" title="No access keys yet">
          Make one for each program that reports executions, so that each can be revoked alone.
        </Notice>
      ) : (
        <KeyList keys={keys} viewer={viewer.userId} onRevoke={revoke} />
      )}
      {next !== null && <Button onClick={() => void read(next)}>Show more</Button>}
    </div>
  )
}
