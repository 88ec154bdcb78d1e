/** The request of a subscription. */
export interface SubscriptionRequest {
  query: string
  variables: Record<string, unknown>
}

/** One result of a subscription: data, or errors with their codes. */
export interface Payload {
  data?: unknown
  errors?: readonly { message: string; extensions?: { code?: string } }[]
}

/** Why a stream has ended. */
export type StreamEnd =
  /** The connection was lost or could not be opened; trying again may help. */
  | { cause: 'lost' }
  /** The server has completed the subscription. */
  | { cause: 'complete' }
  /** The server has rejected the token; `reason` is a sentence for people. */
  | { cause: 'refused'; reason: string }

/** The callbacks of a stream; `onEnd` is the last one called. */
export interface StreamListener {
  onOpen: () => void
  onPayload: (payload: Payload) => void
  /** The lag of the server behind its database in seconds; 0 once it has caught up. */
  onBehind: (seconds: number) => void
  onEnd: (end: StreamEnd) => void
}

/** Opens a stream and returns a function that closes it, without calling `onEnd`. */
export type OpenStream = (request: SubscriptionRequest, listener: StreamListener) => () => void
