// Tests the service behind a certificate of its own: every protocol over TLS, and what is refused there.
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chatClient, jsonQuestion, question, readAll, speeches, textOf } from '../support/clients.ts'
import { runCommand, type Service, startService } from '../support/running-server.ts'
import { type SelfSigned, selfSigned } from '../support/self-signed.ts'

let certificate: SelfSigned
let service: Service

const TLS = { TLS_CERT: 'cert.pem', TLS_KEY: 'key.pem' }

beforeAll(async () => {
  certificate = selfSigned()
  service = await startService(TLS, { files: { 'cert.pem': certificate.cert, 'key.pem': certificate.key } })
})

afterAll(async () => {
  await service.stop()
})

describe.each(speeches)('over TLS, $name', speech => {
  it('answers and streams to a client that trusts the certificate', async () => {
    const chat = chatClient(speech, service.url, certificate.cert)
    const answer = await chat.complete(question('sandbox', 'good evening'))
    expect(textOf(answer.message)).toContain('good evening')
    const { kinds, text, error } = await readAll(chat.streamComplete(question('sandbox', 'good night')))
    expect(error).toBeUndefined()
    expect(text).toContain('good night')
    expect(kinds.at(-1)).toBe('completed')
  })
})

it('its address says https, and JSON works there', async () => {
  expect(service.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
  const body = JSON.stringify(jsonQuestion('sandbox', 'plain https'))
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const call = request(
    `${service.url}/exai.v1.ChatService/Complete`,
    {
      method: 'POST',
      ca: certificate.cert,
      agent: false,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    },
    res => {
      let text = ''
      res.setEncoding('utf8').on('data', piece => {
        text += piece
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text }))
    },
  )
  call.on('error', reject).end(body)
  const { status, text } = await promise
  expect(status).toBe(200)
  expect(JSON.parse(text)).toMatchObject({ provider: 'sandbox', finishReason: 'FINISH_REASON_STOP' })
})

it('a client that does not trust the certificate gets no answer', async () => {
  await expect(fetch(`${service.url}/health`)).rejects.toThrow()
})

it('a client that speaks clear text gets no answer, and the next one over TLS does', async () => {
  await expect(fetch(`http://127.0.0.1:${service.port}/health`)).rejects.toThrow()
  const [speech] = speeches
  if (speech === undefined) throw new Error('there is no way to speak')
  const answer = await chatClient(speech, service.url, certificate.cert).complete(
    question('sandbox', 'hello'),
  )
  expect(textOf(answer.message)).toContain('hello')
})

it('a certificate without its key, or a file that is none, is exit code 78 and named', async () => {
  const alone = await runCommand([], {
    env: { TLS_CERT: 'cert.pem' },
    files: { 'cert.pem': certificate.cert },
  })
  expect(alone.code).toBe(78)
  expect(alone.stderr).toContain('TLS_KEY')
  const missing = await runCommand([], { env: TLS })
  expect(missing.code).toBe(78)
  expect(missing.stderr).toMatch(/TLS_CERT .*cannot be read[\s\S]*TLS_KEY .*cannot be read/)
  const wrong = await runCommand([], {
    env: { ...TLS, PORT: '0' },
    files: { 'cert.pem': 'no certificate', 'key.pem': certificate.key },
  })
  expect(wrong.code).toBe(78)
  expect(wrong.stderr).toContain('TLS_CERT')
  expect(wrong.stderr).not.toMatch(/^\s+at /m)
})
