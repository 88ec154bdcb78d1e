import type { GraphQLFormattedError } from 'graphql'
import { createClient, type Client } from 'graphql-ws'
import { messages } from '../messages/messages.ts'
import { behindSecondsOf } from '../model/liveStatus.ts'
import type { OpenStream, StreamEnd, StreamListener } from './eventStream.ts'

// Milliseconds.
const PING_INTERVAL = 10_000
const PONG_TIMEOUT = 5_000
// Errors that another attempt would meet again.
const FINAL = new Set(['NOT_FOUND', 'FORBIDDEN', 'BAD_USER_INPUT'])
// Close codes of graphql-transport-ws: Unauthorized and Forbidden.
const REFUSED = new Set([4401, 4403])

/** Streams over one WebSocket to `url`, which is open while there is at least one stream. */
export function createWebSocketTransport(url: string, token: string): OpenStream {
  const client = createSocketClient(url, token)
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
  return (request, listener) => {
    let isClosed = false
    const end: typeof listener.onEnd = (reason) => {
      if (!isClosed) listener.onEnd(reason)
      isClosed = true
    }
    const reportLag = (): void => {
      if (!isClosed) listener.onBehind(behindSeconds)
    }
    const open = (): void => {
      if (!isClosed) listener.onOpen()
      reportLag()
    }
    const removeConnected = client.on('connected', open)
    const removePing = client.on('ping', reportLag)
    // A socket that another stream has opened emits no further `connected`.
    if (hasConnected) queueMicrotask(open)
    const unsubscribe = client.subscribe(request, {
      next: (payload) => {
        if (!isClosed) listener.onPayload(payload as never)
      },
      complete: () => end({ cause: 'complete' }),
      error: (error) => {
        if (isClosed) return
        if (Array.isArray(error)) end(passErrors(listener, error as readonly GraphQLFormattedError[]))
        else end(error instanceof CloseEvent && REFUSED.has(error.code) ? refusalOf(error) : { cause: 'lost' })
      },
    })
    return () => {
      isClosed = true
      removeConnected()
      removePing()
      unsubscribe()
    }
  }
}

/** Passes on the errors of an operation that the server rejected or stopped. */
function passErrors(listener: StreamListener, errors: readonly GraphQLFormattedError[]): StreamEnd {
  listener.onPayload({ errors })
  const isFinal = errors.some((error) => FINAL.has(String(error.extensions?.code)))
  return { cause: isFinal ? 'complete' : 'lost' }
}

function refusalOf(closed: CloseEvent): { cause: 'refused'; reason: string } {
  return { cause: 'refused', reason: closed.reason || messages.session.tokenRefused }
}

function createSocketClient(url: string, token: string): Client {
  let pongTimer: number | undefined
  const client = createClient({
    url,
    connectionParams: { Authorization: `Bearer ${token}` },
    // The subscription reconnects itself, from its last cursor.
    retryAttempts: 0,
    keepAlive: PING_INTERVAL,
    lazyCloseTimeout: 1_000,
    on: {
      ping: (isReceived) => {
        // A connection can be lost without being closed, as when a laptop sleeps.
        if (!isReceived) pongTimer = window.setTimeout(() => client.terminate(), PONG_TIMEOUT)
      },
      pong: (isReceived) => {
        if (isReceived) window.clearTimeout(pongTimer)
      },
      closed: () => window.clearTimeout(pongTimer),
    },
  })
  return client
}
