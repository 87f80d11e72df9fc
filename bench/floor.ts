// The floor: the least that a gateway in Node can do, node:http in and undici out, parsing and writing JSON, nothing else.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { Pool } from 'undici'

type Asked = {
  readonly model: string
  readonly messages: readonly { readonly content: readonly { readonly text: string }[] }[]
}
type Choice = {
  readonly message?: { readonly content: string }
  readonly delta?: { readonly content?: string }
  readonly finish_reason: string | null
}
type Told = {
  readonly id: string
  readonly model: string
  readonly choices: readonly Choice[]
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number }
}

const CONNECTIONS_MAX = 256
const [port = '0', upstream = ''] = process.argv.slice(2)
const pool = new Pool(upstream, { connections: CONNECTIONS_MAX, pipelining: 1 })

createServer((req, res) => {
  const pieces: Buffer[] = []
  req.on('data', (piece: Buffer) => pieces.push(piece))
  req.on('end', () => {
    serve(req, res, Buffer.concat(pieces)).catch((error: unknown) => {
      res.destroy(error instanceof Error ? error : undefined)
    })
  })
}).listen(Number(port), '127.0.0.1')
process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => process.exit(0))

async function serve(req: IncomingMessage, res: ServerResponse, body: Buffer): Promise<void> {
  if (req.method !== 'POST') return void res.end('ok')
  const isStream = req.headers['content-type'] === 'application/connect+json'
  // The load is the only client, and it sends nothing else.
  const asked = JSON.parse(String(isStream ? body.subarray(5) : body)) as Asked
  const answer = await pool.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-bench-floor' },
    body: JSON.stringify({
      model: asked.model,
      messages: asked.messages.map(({ content }) => ({ role: 'user', content: content[0]?.text })),
      ...(isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
    }),
  })
  if (isStream) return await pass(res, answer.body)
  const text = JSON.stringify(responseOf((await answer.body.json()) as Told))
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  res.end(text)
}

async function pass(res: ServerResponse, body: AsyncIterable<Buffer>): Promise<void> {
  res.writeHead(200, { 'content-type': 'application/connect+json' })
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let sequence = 0
  let last: Told | undefined
  for await (const bytes of body) {
    const lines = (rest + decoder.write(bytes)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue
      last = JSON.parse(line.slice(6)) as Told
      const text = last.choices[0]?.delta?.content ?? ''
      if (text !== '') res.write(frame(0, { sequence: ++sequence, textDelta: { text } }))
    }
  }
  if (last !== undefined) {
    res.write(frame(0, { sequence: ++sequence, completed: { response: responseOf(last) } }))
  }
  res.end(frame(2, {}))
}

function responseOf({ id, model, choices, usage }: Told): object {
  const text = choices[0]?.message?.content
  return {
    id,
    model,
    provider: 'openai',
    message: { role: 'ROLE_ASSISTANT', content: text === undefined ? [] : [{ text }] },
    finishReason: 'FINISH_REASON_STOP',
    usage: { inputTokens: usage?.prompt_tokens ?? 0, outputTokens: usage?.completion_tokens ?? 0 },
  }
}

function frame(flags: number, value: object): Buffer {
  const text = JSON.stringify(value)
  const bytes = Buffer.allocUnsafe(5 + Buffer.byteLength(text))
  bytes.writeUInt8(flags, 0)
  bytes.writeUInt32BE(bytes.length - 5, 1)
  bytes.write(text, 5)
  return bytes
}
