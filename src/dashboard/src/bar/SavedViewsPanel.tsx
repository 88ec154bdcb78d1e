import { useState, type SyntheticEvent } from 'react'
import { navigate, usePathname, useSearch } from 'wouter/use-browser-location'
import { Button } from '../components/Button.tsx'
import form from '../components/form.module.css'
import { Icon } from '../components/Icon.tsx'
import { messages } from '../messages/messages.ts'
import { unsavedOf } from '../model/savedViews.ts'
import { forgetBrowserViews, readBrowserViews } from './browserViews.ts'
import styles from './SavedViews.module.css'
import { useSavedViews } from './useSavedViews.ts'

/** The saved views, those of this browser, and a form that saves the page as it is now. */
export default function SavedViewsPanel({ onClose }: { onClose: () => void }) {
  const { views, viewer, error, save, remove } = useSavedViews()
  const [problem, setProblem] = useState<string | null>(null)
  const path = usePathname()
  // It begins with its question mark.
  const search = useSearch()
  const address = path + search

  async function attempt(change: Promise<void>): Promise<boolean> {
    try {
      await change
      setProblem(null)
      return true
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure))
      return false
    }
  }

  /** Moves the views of this browser one after another; whether all of them were. */
  async function move(): Promise<boolean> {
    for (const view of unsavedOf(readBrowserViews(), views ?? [])) {
      if (!(await attempt(save({ ...view, isShared: false })))) return false
    }
    return true
  }

  if (views === null || viewer === null) return <p className={styles.hint}>{error ?? messages.components.loading}</p>
  const isManager = viewer.scopes.includes('manage')
  return (
    <div className={styles.panel}>
      {views.length === 0 && <p className={styles.hint}>{messages.views.none}</p>}
      {views.length > 0 && (
        <ul className={styles.list} aria-label={messages.views.title}>
          {views.map((view) => {
            const isOwn = view.userId === viewer.userId
            return (
              <li key={view.id} className={styles.view}>
                <button
                  type="button"
                  className={form.option}
                  aria-current={view.address === address}
                  onClick={() => {
                    navigate(view.address)
                    onClose()
                  }}
                >
                  <span className={styles.name}>{view.name}</span>
                  {view.isShared && (
                    <span className={styles.shared}>
                      {isOwn ? messages.views.shared : messages.views.sharedBy(view.userId)}
                    </span>
                  )}
                </button>
                {(isOwn || isManager) && (
                  <Button
                    kind="quiet"
                    aria-label={messages.views.delete(view.name)}
                    title={messages.views.delete(view.name)}
                    onClick={() => void attempt(remove(view.id))}
                  >
                    <Icon name="close" />
                  </Button>
                )}
              </li>
            )
          })}
        </ul>
      )}
      {(problem ?? error) !== null && (
        <p className={styles.problem} role="alert">
          {problem ?? error}
        </p>
      )}
      <SaveForm
        mayShare={viewer.scopes.includes('executions:read:tenant')}
        onSave={(name, isShared) => attempt(save({ name, address, isShared }))}
      />
      <Moving onMove={move} />
    </div>
  )
}

interface SaveFormProps {
  mayShare: boolean
  /** Saves the page; whether that was done. */
  onSave: (name: string, isShared: boolean) => Promise<boolean>
}

function SaveForm({ mayShare, onSave }: SaveFormProps) {
  const [name, setName] = useState('')
  const [isShared, setShared] = useState(false)

  async function submit(event: SyntheticEvent): Promise<void> {
    event.preventDefault()
    if (name.trim() === '') return
    if (await onSave(name.trim(), isShared)) setName('')
  }

  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <div className={styles.row}>
        <input
          className={form.input}
          value={name}
          maxLength={100}
          aria-label={messages.views.name}
          placeholder={messages.views.name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit">{messages.components.save}</Button>
      </div>
      {mayShare && (
        <label className={form.option}>
          <input type="checkbox" checked={isShared} onChange={(event) => setShared(event.target.checked)} />
          {messages.views.share}
        </label>
      )}
    </form>
  )
}

/** Offers the views of this browser, once, for moving to the server. */
function Moving({ onMove }: { onMove: () => Promise<boolean> }) {
  const [count, setCount] = useState(() => readBrowserViews().length)
  if (count === 0) return null

  function forget(): void {
    forgetBrowserViews()
    setCount(0)
  }

  return (
    <div className={styles.moving}>
      <p>{messages.views.inBrowser(count)}</p>
      <div className={styles.row}>
        <Button onClick={() => void onMove().then((isDone) => isDone && forget())}>{messages.views.move}</Button>
        <Button kind="quiet" onClick={forget}>
          {messages.views.forget}
        </Button>
      </div>
    </div>
  )
}
