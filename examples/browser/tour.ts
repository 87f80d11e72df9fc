// Everything that a page does with a gateway of another origin: `?gateway=http://127.0.0.1:8080`, and `&token=` when it wants one.
import { Code, ConnectError } from '@connectrpc/connect'
import { createExaiClient } from 'exai/client'
import { collect } from 'exai/client/collect'
import { errorInfoOf } from 'exai/client/errors'
import { streamWithResume } from 'exai/client/resume'
import { Role } from 'exai/gen/exai/v1/chat_pb'
import { ErrorReason } from 'exai/gen/exai/v1/error_reason_pb'

const query = new URLSearchParams(location.search)
const { chat, files, monitoring } = createExaiClient({
  baseUrl: query.get('gateway') ?? 'http://127.0.0.1:8080',
  token: query.get('token') ?? undefined,
})

const messages = [{ role: Role.USER, content: [{ kind: { case: 'text' as const, value: 'Hello!' } }] }]
const slowly = { sandbox: { words: 60, delay_ms: 20 } }

const steps: Readonly<Record<string, () => Promise<boolean>>> = {
  async chat() {
    const { message } = await chat.complete({ model: 'sandbox', messages })
    return message?.content[0]?.kind.case === 'text'
  },

  async stream() {
    let pieces = 0
    for await (const { event } of chat.streamComplete({ model: 'sandbox', messages })) {
      if (event.case === 'textDelta') pieces += 1
    }
    return pieces > 1
  },

  async resume() {
    const request = { model: 'sandbox', messages, providerOptions: slowly, resumeWindow: { seconds: 60n } }
    let responseId = ''
    let last = 0
    for await (const { event, sequence } of chat.streamComplete(request)) {
      if (event.case === 'started') responseId = event.value.responseId
      last = Math.max(last, sequence)
      if (last === 5) break
    }
    for await (const { sequence } of chat.resumeStream({ responseId, afterSequence: last })) {
      if (sequence > 0 && sequence !== ++last) return false
    }
    const whole = await collect(streamWithResume(chat, request))
    return last > 60 && whole.message?.content.length === 1
  },

  async tools() {
    const tools = [{ name: 'clock', description: 'The time', parameters: { type: 'object', properties: {} } }]
    const question = {
      role: Role.USER,
      content: [{ kind: { case: 'text' as const, value: 'Ask clock.' } }],
    }
    const { message } = await chat.complete({ model: 'sandbox', messages: [question], tools })
    return message?.content.some(({ kind }) => kind.case === 'toolCall') ?? false
  },

  async files() {
    const { file } = await files.createFile({ filename: 'a.txt', content: new TextEncoder().encode('hello') })
    let text = ''
    for await (const { chunk } of files.downloadFile({ fileId: file?.id ?? '' }))
      text += new TextDecoder().decode(chunk)
    await files.deleteFile({ fileId: file?.id ?? '' })
    return text === 'hello'
  },

  async watch() {
    for await (const { status } of monitoring.watchStatus({})) return status !== undefined
    return false
  },

  async errors() {
    const error = await chat.complete({ model: 'no-such-model', messages }).catch(ConnectError.from)
    return errorInfoOf(error)?.reason === ErrorReason.MODEL_NOT_FOUND
  },

  async deadline() {
    const call = chat.complete({ model: 'sandbox', messages, providerOptions: slowly }, { timeoutMs: 200 })
    return codeOf(await call.catch(ConnectError.from)) === Code.DeadlineExceeded
  },

  async cancel() {
    const enough = new AbortController()
    try {
      const options = { signal: enough.signal }
      for await (const { event } of chat.streamComplete(
        { model: 'sandbox', messages, providerOptions: slowly },
        options,
      ))
        if (event.case === 'textDelta') enough.abort()
      return false
    } catch (error) {
      return codeOf(error) === Code.Canceled
    }
  },
}

const codeOf = (value: unknown): Code | undefined => (value instanceof ConnectError ? value.code : undefined)

for (const [name, step] of Object.entries(steps)) {
  const outcome = await step().then(
    isRight => (isRight ? 'ok' : 'wrong'),
    (error: unknown) => `failed: ${error}`,
  )
  const item = document.createElement('li')
  item.textContent = `${name}: ${outcome}`
  document.querySelector('#steps')?.append(item)
}
document.title = 'done'
