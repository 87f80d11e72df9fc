// The client for Node against the real service: every preset, and streams whose connection is cut while they run.
import { ConnectError } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { StreamEvent } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { collect } from '../../src/client/collect.ts'
import { errorInfoOf } from '../../src/client/error-info.ts'
import { createExaiClient } from '../../src/client/node.ts'
import { streamWithResume } from '../../src/client/resume.ts'
import { completeWithRetries } from '../../src/client/retry.ts'
import { question } from '../support/clients.ts'
import { type Line, openLine } from '../support/cuts.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

const MODEL = 'openai/test-model'
const PROTOCOLS = ['grpc', 'connect', 'grpc-web', 'connect-json'] as const

let upstream: Upstream
let service: Service

beforeAll(async () => {
  upstream = await startUpstream()
  service = await startService({ OPENAI_API_KEY: 'test-key', OPENAI_BASE_URL: upstream.url })
})
afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const asked = (user: string) => upstream.requests.filter(({ rawBody }) => rawBody.includes(`"${user}"`))

async function lineTo(port: number): Promise<Line> {
  const line = await openLine(port)
  onTestFinished(line.close)
  return line
}

const textOf = (events: readonly StreamEvent[]): string =>
  events.map(({ event }) => (event.case === 'textDelta' ? event.value.text : '')).join('')

describe.each(PROTOCOLS)('the client for Node over %s', protocol => {
  it('answers, streams and collects, and uploads a file', async () => {
    const { chat, files } = createExaiClient({ baseUrl: service.url, protocol })
    const answer = await chat.complete(question(MODEL, 'hello'))
    const streamed = await collect(chat.streamComplete(question(MODEL, 'hello')))
    expect(streamed.message?.content).toEqual(answer.message?.content)
    const content = new TextEncoder().encode('hello')
    const { file } = await files.createFile({ filename: 'a.txt', content })
    expect(file?.sizeBytes).toBe(5n)
  })

  it('says why a call failed', async () => {
    const { chat } = createExaiClient({ baseUrl: service.url, protocol })
    const error = await chat.complete(question('no-such-model', 'hello')).catch(ConnectError.from)
    expect(errorInfoOf(error)).toMatchObject({ reason: ErrorReason.MODEL_NOT_FOUND })
  })

  it('reads a stream through cuts, whole, and it is asked once', async () => {
    const line = await lineTo(service.port)
    const { chat } = createExaiClient({ baseUrl: line.url, protocol })
    const user = `cut-${protocol}`
    const request = question(MODEL, '[[fault:words=60]][[fault:drip-events=10]] a story', { user })
    const events: StreamEvent[] = []
    for await (const event of streamWithResume(chat, request, { silenceMs: 5_000 })) {
      if (event.sequence === 0) continue
      events.push(event)
      if (event.sequence === 10) line.cut('reset')
      if (event.sequence === 25) line.cut('fin')
    }
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
    expect(events.at(-1)?.event.case).toBe('completed')
    expect(textOf(events).split(' ').length).toBeGreaterThanOrEqual(60)
    expect(asked(user)).toHaveLength(1)
  })

  it('gets the answer of a call whose connection was cut while it waited, asked once', async () => {
    const line = await lineTo(service.port)
    const { chat } = createExaiClient({ baseUrl: line.url, protocol })
    const user = `retry-${protocol}`
    const request = question(MODEL, '[[fault:words=40]][[fault:drip-events=20]] a story', {
      user,
      resumeWindow: { seconds: 60n, nanos: 0 },
    })
    const call = completeWithRetries(chat, request)
    await expect.poll(() => asked(user).length).toBe(1)
    line.cut('reset')
    const { message, id } = await call
    expect(id).toMatch(/^resp_/)
    expect(message?.content[0]?.kind.case).toBe('text')
    expect(asked(user)).toHaveLength(1)
  })
})
