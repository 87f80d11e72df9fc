// Tests what the log says of calls, and that it never has a key, a prompt or an answer, whatever happens to a call.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { chatClient, failureOf, postJson, question, readAll, speeches } from '../support/clients.ts'
import { exchange, sendBytes, sendChat, wires } from '../support/clients-raw.ts'
import { manyKeys } from '../support/many-keys.ts'
import { resetCircuits } from '../support/reset-circuits.ts'
import { type Service, startService } from '../support/running-server.ts'
import { startUpstream } from '../support/upstream/openai.ts'
import type { Upstream } from '../support/upstream/server.ts'

// Words that stand nowhere else.
const KEY = 'sk-canary-key-7f3a91c2d4e5b6a7'
const PROMPT = 'canary-prompt-quokka'
const SYSTEM = 'canary-system-wombat'
const ANSWER = 'canary-answer-numbat'
const THOUGHT = 'canary-thought-bilby'
const ARGUMENTS = 'canary-arguments-dibbler'
const TOOL = 'canary-description-potoroo'
const HEADER = 'canary-header-bettong'
const MODEL = 'openai/test-model'

let upstream: Upstream
let service: Service

beforeAll(async () => {
  upstream = await startUpstream({ apiKeys: manyKeys(KEY) })
  service = await startService({
    OPENAI_API_KEY: manyKeys(KEY).join(),
    OPENAI_BASE_URL: upstream.url,
    LOG_LEVEL: 'debug',
    // A call may get a connection that an earlier fault has left silent.
    FIRST_TOKEN_TIMEOUT: '1.5',
    IDLE_TIMEOUT: '1',
  })
})

afterAll(async () => {
  await service.stop()
  await upstream.close()
})

const chat = () => {
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  return chatClient(speech, service.url)
}

const asked = (faults = '') => {
  const base = question(MODEL, `${faults} ${PROMPT}`)
  const system = { role: Role.SYSTEM, content: [{ kind: { case: 'text', value: SYSTEM } as const }] }
  return {
    ...base,
    messages: [system, ...base.messages],
    tools: [{ name: 'look', description: TOOL }],
  }
}

it('a call that succeeds has one line with who, what, how long and how much', async () => {
  const headers = { 'x-request-id': 'log-success', authorization: `Bearer ${HEADER}` }
  upstream.next({
    answer: {
      text: ANSWER,
      reasoning: THOUGHT,
      style: { reasoningFields: ['reasoning_content'] },
      toolCalls: [{ id: 'call_1', name: 'look', arguments: JSON.stringify({ city: ARGUMENTS }) }],
      usage: { promptTokens: 12, completionTokens: 34 },
    },
  })
  const answer = await chat().complete(asked(), { headers })
  expect(JSON.stringify(answer.message?.content.map(({ kind }) => kind.value))).toContain(ANSWER)
  expect(await service.call('log-success')).toMatchObject({
    level: 'info',
    door: 'connect',
    method: 'exai.v1.ChatService/Complete',
    protocol: 'grpc',
    code: 'OK',
    reason: '',
    tenant: 'default',
    provider: 'openai',
    model: 'test-model',
    response_id: answer.id,
    attempts: 1,
    input_tokens: 12,
    output_tokens: 34,
    duration_ms: expect.any(Number),
    first_token_ms: expect.any(Number),
  })
  expect(service.calls('log-success')).toHaveLength(1)
})

it('a call without an id gets one, which the client and the log have', async () => {
  const reply = await postJson(service.url, 'ListModels', {})
  const id = reply.headers.get('x-request-id') ?? ''
  expect(id).toMatch(/^[A-Za-z0-9._-]{1,128}$/)
  expect(await service.call(id)).toMatchObject({ method: 'exai.v1.ChatService/ListModels', code: 'OK' })
})

it('an id that could be no id is replaced', async () => {
  const reply = await postJson(service.url, 'ListModels', {}, { 'x-request-id': 'a b' })
  expect(reply.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/)
})

it('a probe has no line at info, so that calls can be seen', async () => {
  await exchange({
    url: service.url,
    path: '/grpc.health.v1.Health/Check',
    http: 1,
    headers: { 'content-type': 'application/json', 'x-request-id': 'log-probe' },
    body: Buffer.from('{}'),
  })
  expect(await service.call('log-probe')).toMatchObject({ level: 'debug' })
})

it('a provider that repeats our key in its error shows it to nobody', async () => {
  const error = {
    message: `Incorrect API key provided: ${KEY}. You asked: ${PROMPT}`,
    type: 'invalid',
    code: KEY,
  }
  // A refused key is followed by two others.
  for (const status of [400, 401, 401, 401, 500])
    upstream.next({ raw: { status, body: JSON.stringify({ error }) } })
  for (let round = 0; round < 3; round += 1) {
    const failure = await failureOf(chat().complete(asked()))
    const shown = JSON.stringify([failure.message, [...failure.metadata], failure.details.map(String)])
    expect(shown).not.toContain(KEY)
    for (const detail of failure.details)
      if ('value' in detail && detail.value instanceof Uint8Array)
        expect(Buffer.from(detail.value).toString('latin1')).not.toContain(KEY)
  }
})

it('no line of the log has a key, a prompt or an answer, however a call ends', async () => {
  const faults = [
    ...[
      'status=400',
      'status=401',
      'status=429',
      'status=500',
      'error-200=500',
      'html=502',
      'refuse',
      'half-json',
    ],
    ...[
      'cut-after-events=3',
      'end-after-events=3',
      'silence-after-events=3',
      'error-after-events=3',
      'half-event=3',
    ],
    ...['tool-call-broken-arguments', 'reasoning-content', 'refusal', 'finish=content_filter', 'no-finish'],
  ]
  const shapes: readonly ((fault: string) => Promise<unknown>)[] = [
    fault => readAll(chat().streamComplete(asked(`[[fault:text=${ANSWER}]][[fault:${fault}]]`))),
    fault =>
      chat()
        .complete(asked(`[[fault:text=${ANSWER}]][[fault:${fault}]]`), { timeoutMs: 2_000 })
        .catch(() => undefined),
  ]
  for (const ask of shapes) {
    await Promise.all(faults.map(ask))
    await resetCircuits(service.url)
  }
  const bad = { model: PROMPT, messages: [{ role: 'ROLE_USER', content: [{ text: PROMPT }] }] }
  const malformed = Buffer.from(`{"model":"auto","messages":[{"content":[{"text":"${PROMPT}"`)
  for (const wire of wires) {
    await sendChat(service.url, wire, bad, { authorization: `Bearer ${HEADER}`, cookie: HEADER })
    await sendBytes(service.url, wire, malformed)
    await sendBytes(service.url, wire, malformed, {
      path: `/exai.v1.ChatService/${PROMPT.replaceAll('-', '')}`,
    })
  }
  await readAll(chat().streamComplete(question(PROMPT, PROMPT)))
  const leaving = new AbortController()
  const gone = chat().complete(asked('[[fault:hang-before-headers]]'), { signal: leaving.signal })
  leaving.abort()
  await failureOf(gone)
  expect(await service.stop()).toBe(0)

  expect(upstream.requests.filter(({ rawBody }) => rawBody.includes(PROMPT)).length).toBeGreaterThan(30)
  const output = service.output()
  for (const canary of [KEY, PROMPT, SYSTEM, ANSWER, THOUGHT, ARGUMENTS, TOOL, HEADER])
    expect(output.split('\n').filter(line => line.includes(canary))).toEqual([])
  expect(output).not.toContain(PROMPT.replaceAll('-', ''))

  const ids = service.log().flatMap(({ msg, request_id: id }) => (msg === 'call' ? [String(id)] : []))
  expect(ids.length).toBeGreaterThan(faults.length * 2)
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
})
