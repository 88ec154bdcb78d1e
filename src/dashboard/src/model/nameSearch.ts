/** `text` without case and accents, so that `nhat ky` finds `Nhật ký`. */
export function fold(text: string): string {
  // The crossed d is a letter of its own.
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('đ', 'd')
}

/** The words of `text`, folded. */
export function wordsOf(text: string): string[] {
  return fold(text).split(/\s+/).filter(Boolean)
}

/**
 * How well a name, and what else is said about it, fits folded words: the less, the better; null where it lacks one.
 *
 * 0 where the name begins with the words, 1 where each begins a word of it, 2 where it has them.
 */
export function rankName(name: string, words: readonly string[], hint = ''): number | null {
  const folded = fold(name)
  const all = `${folded} ${fold(hint)}`
  if (!words.every((word) => all.includes(word))) return null
  if (folded.startsWith(words.join(' '))) return 0
  const parts = all.split(/[^\p{L}\p{N}]+/u)
  return words.every((word) => parts.some((part) => part.startsWith(word))) ? 1 : 2
}

/** Those of `items` whose name has all words of `text`, the best first, else in their order. */
export function searchNames<T>(
  items: readonly T[],
  text: string,
  nameOf: (item: T) => [name: string, hint?: string | undefined],
): T[] {
  const words = wordsOf(text)
  return items
    .flatMap((item) => {
      const [name, hint] = nameOf(item)
      const rank = rankName(name, words, hint)
      return rank === null ? [] : [{ item, rank }]
    })
    .sort((left, right) => left.rank - right.rank)
    .map(({ item }) => item)
}
