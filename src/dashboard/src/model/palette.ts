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
  const words = fold(text).split(/\s+/).filter(Boolean)
  return KINDS.flatMap((kind) => {
    const found = commands
      .filter((command) => command.kind === kind)
      .map((command) => ({ command, rank: rankOf(command, words) }))
      .filter(({ rank }) => rank !== null)
      .sort((left, right) => (left.rank ?? 0) - (right.rank ?? 0))
      .map(({ command }) => command)
    // These are known beforehand, and few.
    const isFixed = kind === 'page' || kind === 'action'
    return isFixed ? found : found.slice(0, words.length === 0 ? MOST_WITHOUT_TEXT : MOST)
  })
}

/** `text` without case and accents, so that `nhat ky` finds `Nhật ký`. */
export function fold(text: string): string {
  // The crossed d is a letter of its own.
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('đ', 'd')
}

/** 0 where the name begins with the words, 1 where each begins a word of it, 2 where it has them; null where it lacks one. */
function rankOf({ name, hint = '' }: Command, words: readonly string[]): number | null {
  const folded = fold(name)
  const all = `${folded} ${fold(hint)}`
  if (!words.every((word) => all.includes(word))) return null
  if (folded.startsWith(words.join(' '))) return 0
  const parts = all.split(/[^\p{L}\p{N}]+/u)
  return words.every((word) => parts.some((part) => part.startsWith(word))) ? 1 : 2
}
