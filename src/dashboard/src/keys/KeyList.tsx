import { useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Confirmation } from '../components/Confirmation.tsx'
import { Fact } from '../components/Fact.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { useNow } from '../components/useNow.ts'
import { messages } from '../messages/messages.ts'
import { stateOf } from '../model/accessKeys.ts'
import styles from '../components/records.module.css'
import type { AccessKey } from './operations.ts'

interface KeyListProps {
  keys: readonly AccessKey[]
  /** Who looks at them. */
  viewer: string
  /** Revokes a key; throws an Error with a message for people. */
  onRevoke: (id: string) => Promise<void>
}

/** The access keys, each with a button that revokes it once that is confirmed. */
export function KeyList({ keys, viewer, onRevoke }: KeyListProps) {
  const words = messages.keys
  const [chosen, setChosen] = useState<AccessKey | null>(null)
  const now = useNow()

  return (
    <>
      <ul className={styles.list} aria-label={words.title}>
        {keys.map((key) => {
          const state = stateOf(key, now)
          return (
            <li key={key.id} className={styles.record} data-state={state}>
              <div className={styles.what}>
                <h2>
                  {key.name} <span className={styles.state}>{words.states[state]}</span>
                </h2>
                <code className={styles.prefix}>{key.prefix}_…</code>
              </div>
              <dl className={styles.facts}>
                <Fact name={words.allows}>{key.scopes.join(', ')}</Fact>
                <Fact name={words.user}>{key.userId}</Fact>
                {key.madeBy !== viewer && <Fact name={words.madeBy}>{key.madeBy}</Fact>}
                <Fact name={words.made}>
                  <Timestamp at={key.createdAt} />
                </Fact>
                <Fact name={words.lastUsed}>
                  {key.lastUsedAt === null ? words.neverUsed : <Timestamp at={key.lastUsedAt} />}
                </Fact>
                {key.revokedAt === null ? (
                  <Fact name={state === 'expired' ? words.states.expired : words.expires}>
                    <Timestamp at={key.expiresAt} />
                  </Fact>
                ) : (
                  <Fact name={words.states.revoked}>
                    <Timestamp at={key.revokedAt} />
                  </Fact>
                )}
              </dl>
              {state === 'valid' && (
                <Button onClick={() => setChosen(key)} aria-label={words.revokeNamed(key.name)}>
                  {words.revoke}
                </Button>
              )}
            </li>
          )
        })}
      </ul>
      {chosen !== null && (
        <Confirmation
          title={words.confirm(chosen.name)}
          action={words.confirmAction}
          onConfirm={() => onRevoke(chosen.id)}
          onClose={() => setChosen(null)}
        >
          {words.confirmWords}
        </Confirmation>
      )}
    </>
  )
}
