// An honest caller that goes on asking while others attack: each of its calls must be answered, and with its own words.
import { connect } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { goodToken, HONEST_MODEL, type Stage, type Target } from './stage.ts'
import type { Field } from './wire.ts'

/** A caller in the background. */
export interface HonestCaller {
  /** How many of its calls were answered so far. */
  answered(): number
  /** How long the slowest took, in milliseconds. */
  slowestMs(): number
  /** What went wrong, one line a call. */
  failures(): readonly string[]
  /** Lets the last call end. */
  stop(): Promise<void>
}

const PAUSE_MS = 40
const LIMIT_MS = 20_000
const PATH = '/exai.v1.ChatService/Complete'

/** Begins to call a gateway, in turns over both HTTP versions and with every kind of credential that it takes. */
export function startHonest(stage: Stage, target: Target): HonestCaller {
  const credentials: readonly (readonly Field[])[] =
    target.name === 'open'
      ? [[]]
      : [
          target.pass,
          [['x-api-key', stage.keys.chat.secret]],
          ...(['secret', 'rsa', 'ec', 'ed'] as const).map((by): readonly Field[] => [
            [
              'authorization',
              `Bearer ${goodToken(stage, by, { sub: `honest-${by}`, tenant_id: 'honest-ltd' })}`,
            ],
          ]),
        ]
  const failures: string[] = []
  let answered = 0
  let slowestMs = 0
  let isStopped = false

  async function call(index: number): Promise<void> {
    const text = `${stage.canary()} call ${index}`
    const body = JSON.stringify({
      model: HONEST_MODEL,
      messages: [{ role: 'ROLE_USER', content: [{ text }] }],
      user: 'honest',
    })
    const fields = Object.fromEntries([
      ['content-type', 'application/json'],
      ...(credentials[index % credentials.length] ?? []),
    ])
    const send = index % 2 === 0 ? overHttp1 : overHttp2
    const startedAtMs = performance.now()
    try {
      const { status, answer } = await send(target.service.url, fields, body)
      if (status === 200 && answer.includes(text)) answered += 1
      else failures.push(`honest call ${index} of ${target.name}: ${status} ${answer.slice(0, 300)}`)
    } catch (error) {
      failures.push(`honest call ${index} of ${target.name}: ${error}`)
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAtMs)
  }
  const running = (async () => {
    for (let index = 0; !isStopped; index += 1) {
      await call(index)
      await sleep(PAUSE_MS)
    }
  })()
  return {
    answered: () => answered,
    slowestMs: () => slowestMs,
    failures: () => failures,
    stop: async () => {
      isStopped = true
      await running
    },
  }
}

type Sent = Promise<{ readonly status: number; readonly answer: string }>

async function overHttp1(url: string, headers: Record<string, string>, body: string): Sent {
  const signal = AbortSignal.timeout(LIMIT_MS)
  const answer = await fetch(`${url}${PATH}`, { method: 'POST', headers, body, signal })
  return { status: answer.status, answer: await answer.text() }
}

async function overHttp2(url: string, headers: Record<string, string>, body: string): Sent {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<Sent>>()
  const session = connect(url)
  session.on('error', reject)
  const call = session.request(
    { ...headers, ':method': 'POST', ':path': PATH },
    { endStream: false, signal: AbortSignal.timeout(LIMIT_MS) },
  )
  let status = 0
  let answer = ''
  call.setEncoding('utf8')
  call.on('response', head => {
    status = head[':status'] ?? 0
  })
  call.on('data', (text: string) => {
    answer += text
  })
  call.on('error', reject)
  call.on('close', () => resolve({ status, answer }))
  call.end(body)
  return promise.finally(() => session.destroy())
}
