import { messages } from '../messages/messages.ts'
import { behindSecondsOfComment } from '../model/liveStatus.ts'
import type { OpenStream, Payload, StreamListener } from './eventStream.ts'

/** Streams over Server-Sent Events from `url`, one response each (graphql-sse, distinct connections mode). */
export function createEventSourceTransport(url: string, token: string): OpenStream {
  return (request, listener) => {
    const abort = new AbortController()
    fetch(url, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(request),
      signal: abort.signal,
    })
      .then((response) => readStream(response, listener))
      .catch(() => {
        if (!abort.signal.aborted) listener.onEnd({ cause: 'lost' })
      })
    return () => abort.abort()
  }
}

async function readStream(response: Response, listener: StreamListener): Promise<void> {
  if (response.status === 401) {
    const { errors } = (await response.json()) as Payload
    listener.onEnd({ cause: 'refused', reason: errors?.[0]?.message ?? messages.session.tokenRefused })
    return
  }
  if (!response.ok || response.body === null) throw new Error(messages.session.status(response.status))
  listener.onOpen()
  for await (const { event, data, comment } of readBlocks(response.body)) {
    const behindSeconds = behindSecondsOfComment(comment)
    if (behindSeconds !== null) listener.onBehind(behindSeconds)
    if (event === 'complete') {
      listener.onEnd({ cause: 'complete' })
      return
    }
    if (event === 'next') listener.onPayload(JSON.parse(data) as Payload)
  }
  listener.onEnd({ cause: 'lost' })
}

/** A block of a stream: an event, or a comment without event and data. */
interface Block {
  event: string
  data: string
  comment: string
}

/** Yields the blocks in `body` (HTML Standard, section "Server-sent events"). */
async function* readBlocks(body: ReadableStream<Uint8Array>): AsyncGenerator<Block> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    rest += decoder.decode(value, { stream: true }).replaceAll('\r\n', '\n')
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) yield parseBlock(block)
  }
}

function parseBlock(block: string): Block {
  const lines = block.split('\n')
  const valueOf = (name: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${name}:`) ? [line.slice(name.length + 1).replace(/^ /, '')] : []))
  const comment = lines.find((line) => line.startsWith(':'))?.slice(1) ?? ''
  return { event: valueOf('event')[0] ?? 'message', data: valueOf('data').join('\n'), comment }
}
