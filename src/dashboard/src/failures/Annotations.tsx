import { useId, useState, type SyntheticEvent } from 'react'
import { Button } from '../components/Button.tsx'
import { Dialog } from '../components/Dialog.tsx'
import form from '../components/form.module.css'
import { Menu, type MenuItem } from '../components/Menu.tsx'
import { Timestamp } from '../components/Timestamp.tsx'
import { useNow } from '../components/useNow.ts'
import { messages } from '../messages/messages.ts'
import { isMuted, muteEnd, MUTES, type Mute } from '../model/errorGroups.ts'
import styles from './FailuresPage.module.css'
import type { ErrorGroup } from './operations.ts'
import type { Changes } from './useFailures.ts'

/** Who looks, and what they may do. */
export interface Viewer {
  readonly userId: string
  readonly scopes: readonly string[]
}

/** Changes the annotation of a group; throws an Error with a message for people. */
export type Annotate = (id: string, input: Changes) => Promise<void>

/** The note, assignee and mute of a group. */
export function Written({ group }: { group: ErrorGroup }) {
  const words = messages.failures
  const now = useNow()
  const { annotation } = group
  if (annotation === null) return null
  return (
    <dl className={styles.written}>
      {annotation.assignee !== null && (
        <div>
          <dt>{words.assignee}</dt>
          <dd>{annotation.assignee}</dd>
        </div>
      )}
      {isMuted(group, now) && (
        <div>
          <dt>{words.mutedUntil}</dt>
          <dd>
            <Timestamp at={annotation.mutedUntil} />
          </dd>
        </div>
      )}
      {annotation.note !== null && (
        <div>
          <dt>{words.note}</dt>
          <dd className={styles.note}>
            {annotation.note} <span className={styles.faint}>{words.noteBy(annotation.updatedBy)}</span>
          </dd>
        </div>
      )}
    </dl>
  )
}

interface ActionsProps {
  group: ErrorGroup
  /** What the group is called. */
  message: string
  viewer: Viewer
  onAnnotate: Annotate
}

/** The menu that changes the annotation of a group, for those who may. */
export function Actions({ group, message, viewer, onAnnotate }: ActionsProps) {
  const words = messages.failures
  const [isEditing, setEditing] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const now = useNow()
  if (!viewer.scopes.includes('alerts:write')) return null

  async function change(input: Changes): Promise<void> {
    try {
      await onAnnotate(group.id, input)
      setProblem(null)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  const mutes = isMuted(group, now)
    ? [{ name: words.unmute, onSelect: () => void change({ mutedUntil: null }) }]
    : (Object.keys(MUTES) as Mute[]).map((mute) => ({
        name: words.mute[mute],
        onSelect: () => void change({ mutedUntil: muteEnd(mute, Date.now()) }),
      }))
  const items: MenuItem[] = [
    group.annotation?.assignee === viewer.userId
      ? { name: words.unassign, onSelect: () => void change({ assignee: null }) }
      : { name: words.assignToMe, onSelect: () => void change({ assignee: viewer.userId }) },
    { name: words.edit, onSelect: () => setEditing(true) },
    ...mutes,
  ]
  return (
    <div className={styles.actions}>
      <Menu label={words.actions} name={words.actionsOf(message)} items={items} align="end" />
      {problem !== null && (
        <p className={styles.problem} role="alert">
          {problem}
        </p>
      )}
      {isEditing && <Editor group={group} onSave={onAnnotate} onClose={() => setEditing(false)} />}
    </div>
  )
}

interface EditorProps {
  group: ErrorGroup
  onSave: Annotate
  onClose: () => void
}

function Editor({ group, onSave, onClose }: EditorProps) {
  const words = messages.failures
  const id = useId()
  const [note, setNote] = useState(group.annotation?.note ?? '')
  const [assignee, setAssignee] = useState(group.annotation?.assignee ?? '')
  const [problem, setProblem] = useState<string | null>(null)

  async function save(event: SyntheticEvent): Promise<void> {
    event.preventDefault()
    try {
      await onSave(group.id, { note: textOf(note), assignee: textOf(assignee) })
      onClose()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <Dialog title={words.editTitle} onClose={onClose}>
      <form className={form.fields} onSubmit={(event) => void save(event)}>
        <label className={form.label}>
          {words.assignee}
          <input
            className={form.input}
            value={assignee}
            maxLength={256}
            onChange={(event) => setAssignee(event.target.value)}
          />
        </label>
        <label className={form.label}>
          {words.note}
          <textarea
            className={`${form.input ?? ''} ${styles.editor ?? ''}`}
            value={note}
            rows={6}
            maxLength={4000}
            aria-describedby={problem === null ? undefined : id}
            onChange={(event) => setNote(event.target.value)}
          />
        </label>
        {problem !== null && (
          <p id={id} className={styles.problem} role="alert">
            {problem}
          </p>
        )}
        <div className={styles.buttons}>
          <Button type="submit" kind="primary">
            {messages.components.save}
          </Button>
          <Button onClick={onClose}>{messages.components.cancel}</Button>
        </div>
      </form>
    </Dialog>
  )
}

function textOf(entered: string): string | null {
  return entered.trim() === '' ? null : entered.trim()
}
