import { useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Confirmation } from '../components/Confirmation.tsx'
import { Fact } from '../components/Fact.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { useNow } from '../components/useNow.ts'
import { stateOf, type KeyState } from '../model/accessKeys.ts'
import styles from '../components/records.module.css'
import type { AccessKey } from './operations.ts'

interface KeyListProps {
  keys: readonly AccessKey[]
  /** Who looks at them. */
  viewer: string
  /** Revokes a key; throws an Error with a message for people. */
  onRevoke: (id: string) => Promise<void>
}

const STATES: Record<KeyState, string> = { valid: 'Valid', expired: 'Expired', revoked: 'Revoked' }

/** The access keys, each with a button that revokes it once that is confirmed. */
export function KeyList({ keys, viewer, onRevoke }: KeyListProps) {
  const [chosen, setChosen] = useState<AccessKey | null>(null)
  const now = useNow()

  return (
    <>
      <ul className={styles.list} aria-label="Access keys">
        {keys.map((key) => {
          const state = stateOf(key, now)
          return (
            <li key={key.id} className={styles.record} data-state={state}>
              <div className={styles.what}>
                <h2>
                  {key.name} <span className={styles.state}>{STATES[state]}</span>
                </h2>
                <code className={styles.prefix}>{key.prefix}_…</code>
              </div>
              <dl className={styles.facts}>
                <Fact name="Allows">{key.scopes.join(', ')}</Fact>
                <Fact name="User">{key.userId}</Fact>
                {key.madeBy !== viewer && <Fact name="Made by">{key.madeBy}</Fact>}
                <Fact name="Made">
                  <Timestamp at={key.createdAt} />
                </Fact>
                <Fact name="Last used">{key.lastUsedAt === null ? 'never' : <Timestamp at={key.lastUsedAt} />}</Fact>
                {key.revokedAt === null ? (
                  <Fact name={state === 'expired' ? 'Expired' : 'Expires'}>
                    <Timestamp at={key.expiresAt} />
                  </Fact>
                ) : (
                  <Fact name="Revoked">
                    <Timestamp at={key.revokedAt} />
                  </Fact>
                )}
              </dl>
              {state === 'valid' && (
                <Button onClick={() => setChosen(key)} aria-label={`Revoke ${key.name}`}>
                  Revoke
                </Button>
              )}
            </li>
          )
        })}
      </ul>
      {chosen !== null && (
        <Confirmation
          title={`Revoke ${chosen.name}?`}
          action="Revoke the key"
          onConfirm={() => onRevoke(chosen.id)}
          onClose={() => setChosen(null)}
        >
          Within a second no server accepts the key, and what it opened is closed. This cannot be undone.
        </Confirmation>
      )}
    </>
  )
}
