// Everything that a client does, against a gateway with the sandbox: EXAI_URL (http://127.0.0.1:8080), EXAI_API_KEY.
import assert from 'node:assert/strict'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { createExaiClient } from 'exai/client'
import { collect } from 'exai/client/collect'
import { errorInfoOf } from 'exai/client/errors'
import { streamWithResume } from 'exai/client/resume'
import { completeWithRetries } from 'exai/client/retry'
import { Role } from 'exai/gen/exai/v1/chat_pb'
import { ErrorReason } from 'exai/gen/exai/v1/error_reason_pb'
import type { UploadFileRequestSchema } from 'exai/gen/exai/v1/files_service_pb'
import { HealthState } from 'exai/gen/exai/v1/status_pb'

const { EXAI_URL: baseUrl = 'http://127.0.0.1:8080', EXAI_API_KEY: token } = process.env
const { chat, files, monitoring } = createExaiClient({ baseUrl, token })

const user = (text: string) => ({
  role: Role.USER,
  content: [{ kind: { case: 'text' as const, value: text } }],
})
const slowly = { sandbox: { words: 60, delay_ms: 20 } }

const steps: Readonly<Record<string, () => Promise<void>>> = {
  async chat() {
    const answer = await completeWithRetries(chat, { model: 'sandbox', messages: [user('Hello!')] })
    assert.ok(answer.message?.content[0]?.kind.case === 'text')
    assert.ok(answer.cost?.known)
  },

  async stream() {
    let text = ''
    for await (const { event } of chat.streamComplete({ model: 'sandbox', messages: [user('Hello!')] })) {
      if (event.case === 'textDelta') text += event.value.text
    }
    assert.match(text, /Hello!/)
  },

  // A stream that is left after five events and read on; streamWithResume does it by itself when a connection breaks.
  async resume() {
    const request = {
      model: 'sandbox',
      messages: [user('Hello!')],
      providerOptions: slowly,
      resumeWindow: { seconds: 60n },
    }
    let responseId = ''
    let last = 0
    for await (const { event, sequence } of chat.streamComplete(request)) {
      if (event.case === 'started') responseId = event.value.responseId
      last = Math.max(last, sequence)
      if (last === 5) break
    }
    for await (const { sequence } of chat.resumeStream({ responseId, afterSequence: last })) {
      if (sequence > 0) assert.equal(sequence, ++last)
    }
    assert.ok(last > 5)
    const whole = await collect(streamWithResume(chat, request))
    assert.equal(whole.message?.content.length, 1)
  },

  async tools() {
    const weather = {
      name: 'weather',
      description: 'The weather in a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    }
    const question = user('Ask weather.')
    const { message } = await chat.complete({ model: 'sandbox', messages: [question], tools: [weather] })
    const call = message?.content.find(({ kind }) => kind.case === 'toolCall')?.kind
    assert.ok(message !== undefined && call?.case === 'toolCall')
    const result = {
      callId: call.value.callId,
      content: [{ kind: { case: 'text' as const, value: 'sunny' } }],
    }
    const told = { role: Role.TOOL, content: [{ kind: { case: 'toolResult' as const, value: result } }] }
    const messages = [question, message, told]
    const answer = await chat.complete({ model: 'sandbox', messages, tools: [weather] })
    assert.match(String(answer.message?.content[0]?.kind.value), /sunny/)
  },

  async files() {
    const bytes = new TextEncoder().encode('A line of the file.\n'.repeat(10_000))
    async function* pieces(): AsyncGenerator<MessageInitShape<typeof UploadFileRequestSchema>> {
      yield {
        piece: {
          case: 'header',
          value: { filename: 'lines.txt', sizeBytes: BigInt(bytes.length) },
        },
      }
      for (let at = 0; at < bytes.length; at += 65_536)
        yield { piece: { case: 'chunk', value: bytes.subarray(at, at + 65_536) } }
    }
    const { file } = await files.uploadFile(pieces())
    assert.ok(file !== undefined)
    let got = 0
    for await (const { chunk } of files.downloadFile({ fileId: file.id })) {
      got += chunk.length
    }
    assert.equal(got, bytes.length)
    await files.deleteFile({ fileId: file.id })
  },

  async watch() {
    const enough = new AbortController()
    for await (const { status } of monitoring.watchStatus({}, { signal: enough.signal })) {
      assert.notEqual(status?.state, HealthState.UNHEALTHY)
      break
    }
    enough.abort()
  },

  async errors() {
    const error = await chat
      .complete({ model: 'no-such-model', messages: [user('Hello!')] })
      .catch(ConnectError.from)
    assert.ok(error instanceof ConnectError)
    assert.equal(error.code, Code.NotFound)
    assert.equal(errorInfoOf(error)?.reason, ErrorReason.MODEL_NOT_FOUND)
    assert.notEqual(errorInfoOf(error)?.requestId, '')
  },

  async deadline() {
    const slow = chat.complete(
      { model: 'sandbox', messages: [user('Hello!')], providerOptions: slowly },
      { timeoutMs: 200 },
    )
    await assert.rejects(slow, { code: Code.DeadlineExceeded })
  },

  async cancel() {
    const enough = new AbortController()
    const stream = chat.streamComplete(
      { model: 'sandbox', messages: [user('Hello!')], providerOptions: slowly },
      { signal: enough.signal },
    )
    const reading = (async () => {
      for await (const { event } of stream) if (event.case === 'textDelta') enough.abort()
    })()
    await assert.rejects(reading, { code: Code.Canceled })
  },
}

for (const [name, step] of Object.entries(steps)) {
  await step()
  console.log(`ok ${name}`)
}
