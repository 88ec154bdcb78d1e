import { searchNames } from './nameSearch.ts'

/** The kinds of what the command palette offers, in the order in which they are shown. */
export const KINDS = ['execution', 'page', 'view', 'workflow', 'action'] as const
export type Kind = (typeof KINDS)[number]

/** Something that the command palette offers. */
export interface Command {
  /** Unique among all of them. */
  readonly id: string
  readonly kind: Kind
  readonly name: string
  /** More about it, which is searched as well. */
  readonly hint?: string | undefined
  readonly run: () => void
}

// Of each kind, so that the others can be seen, too.
const MOST = 8
const MOST_WITHOUT_TEXT = 5

/** The commands that have all words of `text`, by kind; those whose name begins with it come first. */
export function findCommands(commands: readonly Command[], text: string): Command[] {
  const most = text.trim() === '' ? MOST_WITHOUT_TEXT : MOST
  return KINDS.flatMap((kind) => {
    const ofKind = commands.filter((command) => command.kind === kind)
    const found = searchNames(ofKind, text, ({ name, hint }) => [name, hint])
    // These are known beforehand, and few.
    const isFixed = kind === 'page' || kind === 'action'
    return isFixed ? found : found.slice(0, most)
  })
}
