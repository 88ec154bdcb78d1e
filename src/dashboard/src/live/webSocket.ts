import type { GraphQLFormattedError } from 'graphql'
import { createClient, type Client } from 'graphql-ws'
import { behindSecondsOf } from '../model/reconnection.ts'
import type { Ending, Listener, OpenStream } from './eventStream.ts'

const PING_AFTER = 10_000
const PONG_WITHIN = 5_000
// Asking once more would be answered the same.
const FINAL = new Set(['NOT_FOUND', 'FORBIDDEN', 'BAD_USER_INPUT'])
const REFUSED = new Set([4401, 4403])

/** Streams over one WebSocket at `address`, opened for the first of them and closed after the last. */
export function openSockets(address: string, token: string): OpenStream {
  const client = createSocketClient(address, token)
  let hasConnected = false
  let behindSeconds = 0
  client.on('connected', () => (hasConnected = true))
  client.on('closed', () => {
    hasConnected = false
    behindSeconds = 0
  })
  client.on('ping', (isReceived, payload) => {
    if (isReceived) behindSeconds = behindSecondsOf(payload) ?? behindSeconds
  })
  return (operation, listener) => {
    let isOver = false
    const end: typeof listener.onEnd = (ending) => {
      if (!isOver) listener.onEnd(ending)
      isOver = true
    }
    const tellBehind = (): void => {
      if (!isOver) listener.onBehind(behindSeconds)
    }
    const open = (): void => {
      if (!isOver) listener.onOpen()
      tellBehind()
    }
    const removeOpened = client.on('connected', open)
    const removePinged = client.on('ping', tellBehind)
    // Where others have opened the socket already, nothing more will be told of it.
    if (hasConnected) queueMicrotask(open)
    const unsubscribe = client.subscribe(operation, {
      next: (answer) => {
        if (!isOver) listener.onAnswer(answer as never)
      },
      complete: () => end({ because: 'complete' }),
      error: (error) => {
        if (isOver) return
        if (Array.isArray(error)) end(answerErrors(listener, error as readonly GraphQLFormattedError[]))
        else end(error instanceof CloseEvent && REFUSED.has(error.code) ? refusalOf(error) : { because: 'lost' })
      },
    })
    return () => {
      isOver = true
      removeOpened()
      removePinged()
      unsubscribe()
    }
  }
}

/** Passes on the errors of an operation that the server would not run, or stopped. */
function answerErrors(listener: Listener, errors: readonly GraphQLFormattedError[]): Ending {
  listener.onAnswer({ errors })
  const isFinal = errors.some((error) => FINAL.has(String(error.extensions?.code)))
  return { because: isFinal ? 'complete' : 'lost' }
}

function refusalOf(closed: CloseEvent): { because: 'refused'; reason: string } {
  return { because: 'refused', reason: closed.reason || 'Your token is taken no more.' }
}

function createSocketClient(address: string, token: string): Client {
  let overdue: number | undefined
  const client = createClient({
    url: address,
    connectionParams: { Authorization: `Bearer ${token}` },
    // Whoever listens knows better where to go on.
    retryAttempts: 0,
    keepAlive: PING_AFTER,
    lazyCloseTimeout: 1_000,
    on: {
      ping: (isReceived) => {
        // A connection that died without a word, as one does behind a laptop's lid.
        if (!isReceived) overdue = window.setTimeout(() => client.terminate(), PONG_WITHIN)
      },
      pong: (isReceived) => {
        if (isReceived) window.clearTimeout(overdue)
      },
      closed: () => window.clearTimeout(overdue),
    },
  })
  return client
}
