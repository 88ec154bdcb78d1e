import { useRef, useState } from 'react'
import { Button } from '../components/Button.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { useNow } from '../components/useNow.ts'
import { stateOf, type KeyState } from '../model/accessKeys.ts'
import styles from './KeysPage.module.css'
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
  const dialog = useRef<HTMLDialogElement>(null)
  const [chosen, setChosen] = useState<AccessKey | null>(null)
  const now = useNow()

  function ask(key: AccessKey): void {
    setChosen(key)
    dialog.current?.showModal()
  }

  return (
    <>
      <ul className={styles.list} aria-label="Access keys">
        {keys.map((key) => {
          const state = stateOf(key, now)
          return (
            <li key={key.id} className={styles.key} data-state={state}>
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
                <Button onClick={() => ask(key)} aria-label={`Revoke ${key.name}`}>
                  Revoke
                </Button>
              )}
            </li>
          )
        })}
      </ul>
      <Confirmation dialog={dialog} accessKey={chosen} onRevoke={onRevoke} />
    </>
  )
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

interface ConfirmationProps {
  dialog: React.RefObject<HTMLDialogElement | null>
  accessKey: AccessKey | null
  onRevoke: (id: string) => Promise<void>
}

function Confirmation({ dialog, accessKey, onRevoke }: ConfirmationProps) {
  const [problem, setProblem] = useState<string | null>(null)

  async function revoke(): Promise<void> {
    if (accessKey === null) return
    try {
      await onRevoke(accessKey.id)
      dialog.current?.close()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby="revoke-key" onClose={() => setProblem(null)}>
      <h2 id="revoke-key">Revoke {accessKey?.name}?</h2>
      <p>Within a second no server accepts the key, and what it opened is closed. This cannot be undone.</p>
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <Button kind="primary" onClick={() => void revoke()}>
          Revoke the key
        </Button>
        <Button onClick={() => dialog.current?.close()}>Cancel</Button>
      </div>
    </dialog>
  )
}
