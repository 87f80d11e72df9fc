// The door at /ws and /ws/monitoring.
import { type Frame, openSocket, type SocketClient } from '../socket-client.ts'
import {
  type Answer,
  bearer,
  type Door,
  type Json,
  listIn,
  nothing,
  objectIn,
  type Question,
  type Target,
  textIn,
  untilSeen,
  valueIn,
} from './door.ts'
import { callIn, finishIn, tokensIn, turnsOf, withCallPiece } from './openai.ts'

/** The door. */
export const webSocketDoor: Door = {
  name: 'WebSocket',
  to: target => ({
    ask: question => withSocket(target, '/ws', client => ask(client, question)),
    watchStatus: () =>
      withSocket(target, '/ws/monitoring', async client => {
        client.send({ type: 'subscribe', request_id: 'watch' })
        const { data } = await client.frame(shows('provider_metrics'))
        return listIn(data, 'providers').map(one => textIn(one, 'provider'))
      }),
    watchFailure: fail =>
      withSocket(target, '/ws/monitoring', client => {
        client.send({ type: 'subscribe', request_id: 'watch', events: ['error_alert'] })
        return untilSeen(
          client.frame(shows('error_alert')).then(({ data }) => textIn(data, 'code')),
          fail,
        )
      }),
  }),
}

const shows = (name: string) => (frame: Frame) => frame['event_type'] === name

async function withSocket<T>(
  { url, credential }: Target,
  path: string,
  use: (client: SocketClient) => Promise<T>,
): Promise<T> {
  const client = await openSocket(url.replace('http', 'ws') + path, { headers: bearer(credential) })
  try {
    return await use(client)
  } finally {
    client.ws.close()
  }
}

const ID = 'asked'

async function ask(client: SocketClient, question: Question): Promise<Answer> {
  const { signal, onPiece, onHeartbeat } = question
  signal?.addEventListener('abort', () => client.ws.terminate())
  let answer = nothing
  client.ws.on('message', data => {
    const frame: unknown = JSON.parse(String(data))
    if (textIn(frame, 'type') === 'heartbeat') onHeartbeat?.()
    const before = answer.pieces
    answer = withFrame(answer, frame)
    if (answer.pieces > before) onPiece?.(answer.id)
  })
  client.send(requestOf(question))
  const end = await client.frame(({ type }) => type === 'response' || type === 'error', 30_000)
  if (end['type'] === 'error') {
    const delay = valueIn(end, 'error', 'details', 'retry_delay_ms')
    return { ...answer, error: reasonIn(end), retryMs: typeof delay === 'number' ? delay : undefined }
  }
  const whole = wholeOf(objectIn(end, 'content'))
  if (question.stream !== true) return whole
  // Text, thoughts and calls stay as they were streamed.
  const { text, reasoning, calls, pieces } = answer
  return { ...whole, text, reasoning, calls, pieces }
}

function reasonIn(frame: Frame): string {
  const error = objectIn(frame, 'error')
  for (const name of ['code', 'status', 'message'])
    if (typeof error[name] !== 'string') throw new Error(`not an error frame: ${JSON.stringify(frame)}`)
  return textIn(error, 'code')
}

function requestOf(question: Question): Json {
  const { text, model, system, tools, result, schema, image, fileId, stream = false } = question
  const parts = [
    { type: 'text', text },
    ...(image === undefined
      ? []
      : [{ type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } }]),
    ...(fileId === undefined ? [] : [{ type: 'file', file: { file_id: fileId } }]),
  ]
  return {
    type: 'request',
    request_id: ID,
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      { role: 'user', content: parts.length === 1 ? text : parts },
      ...(result === undefined ? [] : turnsOf(result)),
    ],
    stream,
    parameters: {
      ...(question.stop && { stop: question.stop }),
      ...(question.maxTokens && { max_tokens: question.maxTokens }),
      ...(question.thoughts && { reasoning_effort: 'high' }),
      ...(tools && { tools: tools.map(each => ({ type: 'function', function: each })) }),
      ...(schema && {
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      }),
    },
    ...(question.key && { idempotency_key: question.key }),
    ...(question.conversation && { conversation_id: question.conversation }),
  }
}

function withFrame(answer: Answer, frame: unknown): Answer {
  const type = textIn(frame, 'type')
  if (type === 'started') return { ...answer, id: textIn(frame, 'id') }
  if (type !== 'stream') return answer
  const delta = objectIn(frame, 'delta')
  const text = textIn(delta, 'content')
  return {
    ...answer,
    text: answer.text + text,
    reasoning: answer.reasoning + textIn(delta, 'reasoning_content'),
    pieces: answer.pieces + (text === '' ? 0 : 1),
    calls: listIn(delta, 'tool_calls').reduce<Answer['calls']>(withCallPiece, answer.calls),
  }
}

function wholeOf(content: Json): Answer {
  const message = objectIn(content, 'choices', 0, 'message')
  const metadata = objectIn(content, 'metadata')
  return {
    ...nothing,
    id: textIn(content, 'id'),
    text: textIn(message, 'content'),
    reasoning: textIn(message, 'reasoning_content'),
    calls: listIn(message, 'tool_calls').map(callIn),
    finish: finishIn(valueIn(content, 'choices', 0, 'finish_reason')),
    tokens: tokensIn(content['usage']),
    nanoUsd: valueIn(metadata, 'cost', 'known') === true ? textIn(metadata, 'cost', 'nano_usd') : undefined,
    conversation: textIn(content, 'conversation_id'),
    isReplayed: metadata['replayed'] === true,
    isDone: true,
  }
}
