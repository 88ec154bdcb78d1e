import { behindSecondsOfComment } from '../model/reconnection.ts'
import type { Answer, Listener, OpenStream } from './eventStream.ts'

/** Streams over HTTP at `address`, a response each (graphql-sse, distinct connections mode). */
export function openEventStreams(address: string, token: string): OpenStream {
  return (operation, listener) => {
    const abort = new AbortController()
    fetch(address, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(operation),
      signal: abort.signal,
    })
      .then((response) => readStream(response, listener))
      .catch(() => {
        if (!abort.signal.aborted) listener.onEnd({ because: 'lost' })
      })
    return () => abort.abort()
  }
}

async function readStream(response: Response, listener: Listener): Promise<void> {
  if (response.status === 401) {
    const { errors } = (await response.json()) as Answer
    listener.onEnd({ because: 'refused', reason: errors?.[0]?.message ?? 'Your token is taken no more.' })
    return
  }
  if (!response.ok || response.body === null) throw new Error(`The server answers with status ${response.status}.`)
  listener.onOpen()
  for await (const { event, data, comment } of readEvents(response.body)) {
    const behindSeconds = behindSecondsOfComment(comment)
    if (behindSeconds !== null) listener.onBehind(behindSeconds)
    if (event === 'complete') {
      listener.onEnd({ because: 'complete' })
      return
    }
    if (event === 'next') listener.onAnswer(JSON.parse(data) as Answer)
  }
  listener.onEnd({ because: 'lost' })
}

/** A block of a stream: an event, or a comment alone, which names no event and has no data. */
interface Block {
  event: string
  data: string
  comment: string
}

/** The blocks in `body`, one after another (HTML, section "Server-sent events"). */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<Block> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    rest += decoder.decode(value, { stream: true }).replaceAll('\r\n', '\n')
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) yield readEvent(block)
  }
}

function readEvent(block: string): Block {
  const lines = block.split('\n')
  const valueOf = (name: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${name}:`) ? [line.slice(name.length + 1).replace(/^ /, '')] : []))
  const comment = lines.find((line) => line.startsWith(':'))?.slice(1) ?? ''
  return { event: valueOf('event')[0] ?? 'message', data: valueOf('data').join('\n'), comment }
}
