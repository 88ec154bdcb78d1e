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
  useTitle(titleOfPage(messages.keys.title))

  if (keys === null || viewer === null) {
    if (error === null) return <Notice kind="loading" isPage title={messages.components.loading} />
    return (
      <Notice
        kind="error"
        isPage
        title={messages.keys.failed}
        action={<Button onClick={() => void read()}>{messages.components.tryAgain}</Button>}
      >
        {error}
      </Notice>
    )
  }

  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div>
          <h1>{messages.keys.title}</h1>
          <p className={styles.faint}>{messages.keys.sentAs('Authorization: Bearer em_…', 'x-api-key: em_…')}</p>
        </div>
        {!isMaking && made === null && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            {messages.keys.new}
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
        <Notice kind="empty" title={messages.keys.none}>
          {messages.keys.noneWords}
        </Notice>
      ) : (
        <KeyList keys={keys} viewer={viewer.userId} onRevoke={revoke} />
      )}
      {next !== null && <Button onClick={() => void read(next)}>{messages.components.showMore}</Button>}
    </div>
  )
}
