// The door under /v1 as clients of OpenAI's chat completions speak to it.
import {
  type Answer,
  type Asked,
  bearer,
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
import { type Event, getJson, postBody } from './sse.ts'

/** The door. */
export const openAiDoor: Door = {
  name: '/v1/chat/completions',
  to: ({ url, credential }) => {
    const headers = bearer(credential)
    return {
      async ask(question) {
        const { signal, key } = question
        const reply = await postBody(`${url}/v1/chat/completions`, bodyOf(question), {
          headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
          signal,
        })
        if (reply.events !== undefined) return readChunks(reply.events, question)
        return reply.status === 200
          ? wholeOf(reply.json)
          : { ...nothing, error: reasonIn(reply.json), retryMs: reply.retryMs }
      },
      ...besides(url, headers),
    }
  },
}

/** What stands beside chats under /v1. */
export function besides(url: string, headers: Readonly<Record<string, string>>): Omit<Asked, 'ask'> {
  return {
    async embed(model, input) {
      const { json } = await postBody(`${url}/v1/embeddings`, { model, input }, { headers })
      return listIn(json, 'data').map(one =>
        listIn(one, 'embedding').map(value => Math.fround(Number(value))),
      )
    },
    models: async () =>
      listIn(await getJson(`${url}/v1/models`, headers), 'data').map(
        one => `${textIn(one, 'owned_by')}/${textIn(one, 'id')}`,
      ),
    async upload(filename, text) {
      const form = new FormData()
      form.append('purpose', 'user_data')
      form.append('file', new Blob([text], { type: 'text/plain' }), filename)
      const reply = await fetch(`${url}/v1/files`, { method: 'POST', headers, body: form })
      return textIn(await reply.json(), 'id')
    },
    download: async id => (await fetch(`${url}/v1/files/${id}/content`, { headers })).text(),
  }
}

/** The reason in an error of OpenAI's shape; the shape is looked at, too. */
export function reasonIn(json: unknown): string {
  const error = objectIn(json, 'error')
  for (const name of ['message', 'type', 'code'])
    if (typeof error[name] !== 'string') throw new Error(`not an error of OpenAI: ${JSON.stringify(json)}`)
  if (!('param' in error)) throw new Error(`an error of OpenAI has a param: ${JSON.stringify(json)}`)
  return String(error['code']).toUpperCase()
}

function bodyOf(question: Question): Json {
  const { text, model, system, tools, result, schema, image, fileId, stream } = question
  const parts = [
    { type: 'text', text },
    ...(image === undefined
      ? []
      : [{ type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } }]),
    ...(fileId === undefined ? [] : [{ type: 'file', file: { file_id: fileId } }]),
  ]
  return {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      { role: 'user', content: parts.length === 1 ? text : parts },
      ...(result === undefined ? [] : turnsOf(result)),
    ],
    ...(tools && { tools: tools.map(each => ({ type: 'function', function: each })) }),
    ...(schema && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    }),
    ...(question.thoughts && { reasoning_effort: 'high' }),
    stop: question.stop ?? null,
    max_completion_tokens: question.maxTokens ?? null,
    ...(stream && { stream, stream_options: { include_usage: true } }),
    exai: ownOf(question),
  }
}

/** The fields that only exai has. */
export function ownOf({ conversation, resumeSeconds }: Question): Json {
  return {
    ...(conversation === undefined ? {} : { conversation_id: conversation }),
    ...(resumeSeconds === undefined ? {} : { resume_window: `${resumeSeconds}s` }),
  }
}

/** The call of a tool and its result, as messages of a chat completion. */
export function turnsOf({ call, text }: NonNullable<Question['result']>): readonly Json[] {
  const { id, name, arguments: args } = call
  return [
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id, type: 'function', function: { name, arguments: args } }],
    },
    { role: 'tool', tool_call_id: id, content: text },
  ]
}

/** A call of a tool in a message of a chat completion. */
export const callIn = (call: unknown): Call => ({
  id: textIn(call, 'id'),
  name: textIn(call, 'function', 'name'),
  arguments: textIn(call, 'function', 'arguments'),
})

/** Why a chat completion ended. */
export function finishIn(word: unknown): Answer['finish'] {
  return word === 'stop' || word === 'length' || word === 'tool_calls' ? word : ''
}

/** What a chat completion used. */
export function tokensIn(usage: unknown): Answer['tokens'] {
  const [input, output] = [valueIn(usage, 'prompt_tokens'), valueIn(usage, 'completion_tokens')]
  return typeof input === 'number' && typeof output === 'number' ? [input, output] : undefined
}

/** What an answer says in its object `exai`. */
export function ownIn(own: unknown): Pick<Answer, 'nanoUsd' | 'conversation' | 'isReplayed'> {
  const cost = valueIn(own, 'cost_nano_usd')
  return {
    nanoUsd: typeof cost === 'string' ? cost : undefined,
    conversation: textIn(own, 'conversation_id'),
    isReplayed: valueIn(own, 'replayed') === true,
  }
}

function wholeOf(json: unknown): Answer {
  const message = objectIn(json, 'choices', 0, 'message')
  return {
    ...nothing,
    id: textIn(json, 'id'),
    text: textIn(message, 'content'),
    reasoning: textIn(message, 'reasoning_content'),
    calls: listIn(message, 'tool_calls').map(callIn),
    finish: finishIn(valueIn(json, 'choices', 0, 'finish_reason')),
    tokens: tokensIn(valueIn(json, 'usage')),
    ...ownIn(valueIn(json, 'exai')),
    isDone: true,
  }
}

async function readChunks(events: AsyncIterable<Event>, { onPiece, onHeartbeat }: Question): Promise<Answer> {
  let answer = nothing
  for await (const { data, isComment } of events) {
    if (isComment) onHeartbeat?.()
    else if (data === '[DONE]') answer = { ...answer, isDone: true }
    else {
      const chunk: unknown = JSON.parse(data)
      if (valueIn(chunk, 'error') !== undefined) return { ...answer, error: reasonIn(chunk) }
      answer = withChunk(answer, chunk)
      if (textIn(chunk, 'choices', 0, 'delta', 'content') !== '') onPiece?.(answer.id)
    }
  }
  return answer
}

function withChunk(answer: Answer, chunk: unknown): Answer {
  const delta = objectIn(chunk, 'choices', 0, 'delta')
  const text = textIn(delta, 'content')
  const own = valueIn(chunk, 'exai')
  return {
    ...answer,
    id: textIn(chunk, 'id'),
    text: answer.text + text,
    reasoning: answer.reasoning + textIn(delta, 'reasoning_content'),
    pieces: answer.pieces + (text === '' ? 0 : 1),
    calls: listIn(delta, 'tool_calls').reduce<readonly Call[]>(withCallPiece, answer.calls),
    finish: finishIn(valueIn(chunk, 'choices', 0, 'finish_reason') ?? answer.finish),
    tokens: tokensIn(valueIn(chunk, 'usage')) ?? answer.tokens,
    ...(own === undefined ? {} : ownIn(own)),
  }
}

/** Adds a piece of a call, which begins with its id and name and goes on with its index. */
export function withCallPiece(calls: readonly Call[], piece: unknown): readonly Call[] {
  const index = Number(valueIn(piece, 'index'))
  const begun = calls[index]
  if (begun === undefined) return [...calls, callIn(piece)]
  return calls.with(index, { ...begun, arguments: begun.arguments + callIn(piece).arguments })
}
