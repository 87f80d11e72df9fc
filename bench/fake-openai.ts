// The fastest fake OpenAI that node:http gives: fixed bytes, nothing parsed, and it tells who is connected.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ANSWER_TEXT, MANNER_WORDS, MODEL, PACE_MS, TOKENS, tokenTexts } from './payload.ts'

/** What a fake provider may tell about its calls. */
export type FakeOpenAiDeps = {
  /** Told of each call as its body has been read, with the socket that it came on. */
  readonly onCall?: (body: string, socket: Socket) => void
}

/** A running fake provider. */
export type FakeOpenAi = {
  readonly port: number
  /** Open sockets, idle ones included. */
  readonly sockets: () => number
  /** Calls that it says nothing to and whose client is still there. */
  readonly waiting: () => number
  readonly close: () => void
}

const answer = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1_767_225_600,
    model: MODEL,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: ANSWER_TEXT, refusal: null },
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 24, completion_tokens: 20, total_tokens: 44 },
    service_tier: 'default',
    system_fingerprint: 'fp_bench',
  }),
)
const events: readonly string[] = [
  chunk({ role: 'assistant', content: '' }, null),
  ...tokenTexts.map(content => chunk({ content }, null)),
  chunk({}, 'stop'),
  data({
    ...head(),
    choices: [],
    usage: { prompt_tokens: 24, completion_tokens: TOKENS, total_tokens: 124 },
  }),
  'data: [DONE]\n\n',
]
const NOTHING = Buffer.alloc(0)
// With a blank, as Python writes it, and without.
const STREAM_MARKS = ['"stream":true', '"stream": true'] as const
const WRITES = 4
const lumps: readonly Buffer[] = Array.from({ length: WRITES }, (_, index) => {
  const size = Math.ceil(events.length / WRITES)
  return Buffer.from(events.slice(index * size, (index + 1) * size).join(''))
})

/** Starts a fake provider on a free port of 127.0.0.1. */
export async function startFakeOpenAi({ onCall }: FakeOpenAiDeps = {}): Promise<FakeOpenAi> {
  const sockets = new Set<Socket>()
  let waiting = 0
  const server = createServer((req, res) => {
    const pieces: Buffer[] = []
    req.on('data', (piece: Buffer) => pieces.push(piece))
    req.on('end', () => {
      const [first = NOTHING] = pieces
      const body = pieces.length === 1 ? first : Buffer.concat(pieces)
      onCall?.(body.toString(), req.socket)
      if (reply(req, res, body)) return
      waiting += 1
      req.socket.once('close', () => {
        waiting -= 1
      })
    })
  })
  // A connection that we close while it is idle would fail whoever is about to use it.
  server.keepAliveTimeout = 0
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    // A listening TCP server has an address of this form.
    port: (server.address() as AddressInfo).port,
    sockets: () => sockets.size,
    waiting: () => waiting,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

// Gives whether it answered, or will. Looks at the bytes: a long prompt as text would cost more than the answer.
function reply(req: IncomingMessage, res: ServerResponse, body: Buffer): boolean {
  res.sendDate = false
  if (req.method !== 'POST' || req.url !== '/v1/chat/completions') {
    res.writeHead(404).end()
    return true
  }
  if (!STREAM_MARKS.some(mark => body.includes(mark))) {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
    res.end(answer)
    return true
  }
  // A model that thinks for minutes sends not even a head.
  if (body.includes(MANNER_WORDS.silent)) return false
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  if (body.includes(MANNER_WORDS.paced)) {
    writePaced(res)
    return true
  }
  for (const lump of lumps) res.write(lump)
  res.end()
  return true
}

function writePaced(res: ServerResponse): void {
  let next = 0
  const timer = setInterval(() => {
    const event = events[next++]
    if (event !== undefined) return void res.write(event)
    clearInterval(timer)
    res.end()
  }, PACE_MS)
  res.once('close', () => clearInterval(timer))
}

function head() {
  return { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_767_225_600, model: MODEL }
}

function chunk(delta: object, finish: string | null): string {
  return data({ ...head(), choices: [{ index: 0, delta, finish_reason: finish }] })
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}
