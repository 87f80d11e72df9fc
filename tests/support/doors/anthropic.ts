// The door at /v1/messages as clients of Anthropic speak to it.
import {
  type Answer,
  type Call,
  type Door,
  type Json,
  listIn,
  nothing,
  objectIn,
  type Question,
  textIn,
  valueIn,
} from './door.ts'
import { ownIn, ownOf } from './openai.ts'
import { type Event, postBody } from './sse.ts'

// The field is required at Anthropic.
const MAX_TOKENS = 1_000

/** The door. */
export const anthropicDoor: Door = {
  name: '/v1/messages',
  to: ({ url, credential }) => {
    const headers = {
      'anthropic-version': '2023-06-01',
      ...(credential === undefined ? {} : { 'x-api-key': credential }),
    }
    return {
      async ask(question) {
        const { signal, key } = question
        const reply = await postBody(`${url}/v1/messages`, bodyOf(question), {
          headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
          signal,
        })
        if (reply.events !== undefined) return readEvents(reply.events, question)
        return reply.status === 200
          ? wholeOf(reply.json)
          : { ...nothing, error: reasonIn(reply.json), retryMs: reply.retryMs }
      },
      async countTokens(question) {
        const { max_tokens: _cap, exai: _own, ...body } = bodyOf(question)
        const { json } = await postBody(`${url}/v1/messages/count_tokens`, body, { headers })
        return Number(valueIn(json, 'input_tokens'))
      },
    }
  },
}

function reasonIn(json: unknown): string {
  const error = objectIn(json, 'error')
  const isError = valueIn(json, 'type') === 'error' && typeof valueIn(json, 'request_id') === 'string'
  if (!isError || typeof error['message'] !== 'string' || typeof error['type'] !== 'string')
    throw new Error(`not an error of Anthropic: ${JSON.stringify(json)}`)
  return textIn(error, 'reason').toUpperCase()
}

function bodyOf(question: Question): Json {
  const { text, model, system, tools, result, schema, image, fileId, stream, stop } = question
  const blocks = [
    { type: 'text', text },
    ...(image === undefined
      ? []
      : [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: image } }]),
    ...(fileId === undefined ? [] : [{ type: 'document', source: { type: 'file', file_id: fileId } }]),
  ]
  return {
    model,
    max_tokens: question.maxTokens ?? MAX_TOKENS,
    messages: [
      { role: 'user', content: blocks.length === 1 ? text : blocks },
      ...(result === undefined ? [] : turnsOf(result)),
    ],
    ...(system && { system }),
    ...(tools && { tools: tools.map(({ name, parameters }) => ({ name, input_schema: parameters })) }),
    ...(schema && { output_config: { format: { type: 'json_schema', schema } } }),
    ...(question.thoughts && { thinking: { type: 'enabled', budget_tokens: 20_000 } }),
    ...(stop && { stop_sequences: [stop] }),
    ...(stream && { stream }),
    exai: ownOf(question),
  }
}

function turnsOf({ call: { id, name, arguments: args }, text }: NonNullable<Question['result']>) {
  return [
    { role: 'assistant', content: [{ type: 'tool_use', id, name, input: JSON.parse(args) }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: text }] },
  ]
}

const finishes: Readonly<Record<string, Answer['finish']>> = {
  end_turn: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
}

function endOf(usage: unknown, stopReason: string, own: unknown) {
  const count = (name: string): number => Number(valueIn(usage, name))
  return {
    finish: finishes[stopReason] ?? '',
    // Anthropic counts what a cache had a part in apart.
    tokens: [
      count('input_tokens') + count('cache_read_input_tokens') + count('cache_creation_input_tokens'),
      count('output_tokens'),
    ] as const,
    ...ownIn(own),
  }
}

function wholeOf(json: unknown): Answer {
  const blocks = listIn(json, 'content')
  const all = (type: string, field: string): string =>
    blocks.map(block => (valueIn(block, 'type') === type ? textIn(block, field) : '')).join('')
  return {
    ...nothing,
    id: textIn(json, 'id'),
    text: all('text', 'text'),
    reasoning: all('thinking', 'thinking'),
    calls: blocks
      .filter(block => valueIn(block, 'type') === 'tool_use')
      .map(block => ({
        id: textIn(block, 'id'),
        name: textIn(block, 'name'),
        arguments: JSON.stringify(valueIn(block, 'input')),
      })),
    ...endOf(valueIn(json, 'usage'), textIn(json, 'stop_reason'), valueIn(json, 'exai')),
    isDone: true,
  }
}

async function readEvents(events: AsyncIterable<Event>, { onPiece, onHeartbeat }: Question): Promise<Answer> {
  let answer = nothing
  // Pings right behind the start are no sign of life: Anthropic's streams begin with one.
  let isBegun = false
  for await (const { name, data } of events) {
    const json: unknown = JSON.parse(data)
    if (textIn(json, 'type') !== name) throw new Error(`an event ${name} that holds ${data}`)
    if (name === 'error') return { ...answer, error: reasonIn(json) }
    if (name === 'ping') {
      if (isBegun) onHeartbeat?.()
      isBegun = true
    }
    const before = answer.pieces
    answer = withEvent(answer, name, json)
    if (answer.pieces > before) onPiece?.(answer.id)
  }
  return answer
}

function withEvent(answer: Answer, name: string, json: unknown): Answer {
  switch (name) {
    case 'message_start':
      return { ...answer, id: textIn(json, 'message', 'id') }
    case 'content_block_start': {
      const block = objectIn(json, 'content_block')
      if (block['type'] !== 'tool_use') return answer
      const call = { id: textIn(block, 'id'), name: textIn(block, 'name'), arguments: '' }
      return { ...answer, calls: [...answer.calls, call] }
    }
    case 'content_block_delta':
      return withDelta(answer, objectIn(json, 'delta'))
    case 'message_delta':
      return {
        ...answer,
        ...endOf(valueIn(json, 'usage'), textIn(json, 'delta', 'stop_reason'), valueIn(json, 'exai')),
      }
    case 'message_stop':
      return { ...answer, isDone: true }
    default:
      return answer
  }
}

function withDelta(answer: Answer, delta: Json): Answer {
  const text = textIn(delta, 'text')
  const last = answer.calls.at(-1)
  const calls: readonly Call[] =
    last === undefined
      ? []
      : answer.calls.with(-1, { ...last, arguments: last.arguments + textIn(delta, 'partial_json') })
  return {
    ...answer,
    calls,
    text: answer.text + text,
    reasoning: answer.reasoning + textIn(delta, 'thinking'),
    pieces: answer.pieces + (text === '' ? 0 : 1),
  }
}
