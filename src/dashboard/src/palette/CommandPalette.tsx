import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react'
import { Dialog } from '../components/Dialog.tsx'
import { Icon } from '../components/Icon.tsx'
import { isPaletteKey } from '../components/usePaletteKey.ts'
import { messages } from '../messages/messages.ts'
import { findCommands, KINDS, type Command } from '../model/palette.ts'
import styles from './CommandPalette.module.css'
import { useCommands } from './useCommands.ts'

interface CommandPaletteProps {
  onClose: () => void
  /** Shows the keyboard shortcuts. */
  onHelp: () => void
}

/**
 * A dialog with one input that leads to pages, saved views, workflows and executions, and does what the page can do.
 *
 * A combobox of the ARIA authoring practices, whose list is always there: arrows move in the list and Enter chooses, while
 * the focus stays in the input; the dialog closes at Escape and at the key that opened it.
 */
export default function CommandPalette({ onClose, onHelp }: CommandPaletteProps) {
  const [text, setText] = useState('')
  // The id of the command that keys or the pointer have led to; the first one before.
  const [reached, setReached] = useState<string | null>(null)
  const id = useId()
  const found = findCommands(useCommands(text.trim(), onHelp), text)
  const at = Math.max(
    0,
    found.findIndex((each) => each.id === reached),
  )
  const active = found[at]
  const words = messages.palette

  function run(command: Command): void {
    // Before it opens another dialog, so that the focus goes back to where it was.
    onClose()
    command.run()
  }

  function handleKey(event: KeyboardEvent): void {
    // The keys of an input method choose among its own suggestions.
    if (event.nativeEvent.isComposing) return
    if (event.key === 'ArrowDown') setReached(found[(at + 1) % found.length]?.id ?? null)
    else if (event.key === 'ArrowUp') setReached(found.at(at - 1)?.id ?? null)
    else if (event.key === 'Enter' && active !== undefined) run(active)
    else if (isPaletteKey(event)) onClose()
    else return
    event.preventDefault()
  }

  return (
    <Dialog title={words.title} className={styles.dialog ?? ''} onClose={onClose}>
      <div className={styles.search}>
        <Icon name="search" />
        <input
          role="combobox"
          aria-label={words.label}
          aria-expanded
          aria-controls={`${id}list`}
          aria-autocomplete="list"
          aria-activedescendant={active === undefined ? undefined : `${id}${at}`}
          autoComplete="off"
          spellCheck={false}
          placeholder={words.placeholder}
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            setReached(null)
          }}
          onKeyDown={handleKey}
        />
      </div>
      <div className={styles.list} id={`${id}list`} role="listbox" aria-label={words.title}>
        {KINDS.map((kind) => {
          const of = found.filter((each) => each.kind === kind)
          return of.length === 0 ? null : (
            <div key={kind} role="group" aria-labelledby={`${id}${kind}`}>
              <div id={`${id}${kind}`} className={styles.kind} role="presentation">
                {words.kinds[kind]}
              </div>
              {of.map((command) => (
                <Option
                  key={command.id}
                  id={`${id}${found.indexOf(command)}`}
                  command={command}
                  isActive={command === active}
                  onReach={() => setReached(command.id)}
                  onRun={() => run(command)}
                />
              ))}
            </div>
          )
        })}
      </div>
    </Dialog>
  )
}

interface OptionProps {
  id: string
  command: Command
  isActive: boolean
  onReach: () => void
  onRun: () => void
}

function Option({ id, command, isActive, onReach, onRun }: OptionProps) {
  const element = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isActive) element.current?.scrollIntoView({ block: 'nearest' })
  }, [isActive])
  return (
    <div
      ref={element}
      id={id}
      className={styles.option}
      role="option"
      aria-selected={isActive}
      onPointerMove={onReach}
      // The focus stays in the input.
      onMouseDown={(event) => event.preventDefault()}
      onClick={onRun}
    >
      <span>{command.name}</span>
      {command.hint !== undefined && <span className={styles.hint}>{command.hint}</span>}
    </div>
  )
}
