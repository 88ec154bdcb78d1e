/** A rule or a webhook, and why it does not work; null while it does. */
export interface MayStop {
  readonly userId: string
  readonly stateReason: string | null
}

// As the server says it.
// eslint-disable-next-line no-restricted-syntax -- not shown, but compared
const PAUSED_BY_OWNER = 'Its owner paused it.'

/** How many of `userId`'s own do not work though their owner did not pause them. */
export function countStopped(all: readonly MayStop[], userId: string): number {
  return all.filter(
    (each) => each.userId === userId && each.stateReason !== null && each.stateReason !== PAUSED_BY_OWNER,
  ).length
}
