/** What a subscription is: the operation as text, and its variables. */
export interface Operation {
  query: string
  variables: Record<string, unknown>
}

/** An answer of GraphQL: data, or errors with a code each. */
export interface Answer {
  data?: unknown
  errors?: readonly { message: string; extensions?: { code?: string } }[]
}

/** Why a stream is over. */
export type Ending =
  /** The connection is gone or could not be made: worth another try. */
  | { because: 'lost' }
  /** The server has nothing more to say. */
  | { because: 'complete' }
  /** The token is taken no more. */
  | { because: 'refused'; reason: string }

/** Whoever listens to a stream. After `onEnd` nothing comes any more. */
export interface Listener {
  onOpen: () => void
  onAnswer: (answer: Answer) => void
  /** The server says how many seconds it is behind its database; 0 when it no longer is. */
  onBehind: (seconds: number) => void
  onEnd: (ending: Ending) => void
}

/** Opens a stream; what it returns closes it, without a word to the listener. */
export type OpenStream = (operation: Operation, listener: Listener) => () => void
