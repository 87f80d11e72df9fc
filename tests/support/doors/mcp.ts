// The door at /mcp: what a host's calls of tools get, read off the wire.
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
  valueIn,
} from './door.ts'
import { postBody } from './sse.ts'

/** The door. */
export const mcpDoor: Door = {
  name: 'MCP',
  to: target => ({
    ask: question => ask(target, question),
    models: async () =>
      listIn((await call(target, 'list_models', {})).structured, 'models').map(
        one => `${textIn(one, 'provider')}/${textIn(one, 'id')}`,
      ),
    upload: (filename, text) => store(target, filename, { text }),
    async download(id) {
      const { message } = await rpc(target, 'resources/read', { uri: `exai://files/${id}` }, {})
      return textIn(message, 'result', 'contents', 0, 'text')
    },
    usedCalls: async () =>
      Number(valueIn((await call(target, 'usage', {})).structured, 'total', 'request_count')),
  }),
}

async function store(target: Target, filename: string, content: Json): Promise<string> {
  return textIn((await call(target, 'upload_file', { filename, ...content })).structured, 'file', 'id')
}

type Watcher = {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (progress: Json) => void
}

async function rpc(
  { url, credential }: Target,
  method: string,
  params: Json,
  { signal, onProgress }: Watcher,
) {
  const { json, events } = await postBody(
    `${url}/mcp`,
    { jsonrpc: '2.0', id: 1, method, params },
    { headers: { accept: 'application/json, text/event-stream', ...bearer(credential) }, signal },
  )
  if (events === undefined) return { message: json }
  let message: unknown
  for await (const { data, isComment } of events) {
    if (isComment) continue
    const each: unknown = JSON.parse(data)
    if (valueIn(each, 'method') === 'notifications/progress') onProgress?.(objectIn(each, 'params'))
    else message = each
  }
  return { message }
}

async function call(target: Target, name: string, args: Json, watcher: Watcher = {}) {
  const params = { name, arguments: args, _meta: { progressToken: 'progress' } }
  const { message } = await rpc(target, 'tools/call', params, watcher)
  const result = objectIn(message, 'result')
  const refusal = valueIn(message, 'error', 'data')
  return { structured: objectIn(result, 'structuredContent'), isError: result['isError'] === true, refusal }
}

async function ask(target: Target, question: Question): Promise<Answer> {
  const { text, system, image, signal } = question
  // A tool takes text: an image is stored first.
  const fileId =
    image === undefined ? question.fileId : await store(target, 'a.png', { content_base64: image })
  const progress: number[] = []
  let pieces = 0
  const { structured, isError, refusal } = await call(
    target,
    'chat',
    {
      prompt: text,
      ...(question.model && { model: question.model }),
      ...(fileId && { file_ids: [fileId] }),
      ...(system && { system }),
      ...(question.maxTokens && { max_output_tokens: question.maxTokens }),
      ...(question.key && { idempotency_key: question.key }),
      ...(question.conversation && { conversation_id: question.conversation }),
    },
    {
      signal,
      onProgress: params => {
        progress.push(Number(params['progress']))
        if (/^waiting/.test(textIn(params, 'message'))) question.onHeartbeat?.()
        else if (progress.length > 1) pieces += 1
        question.onPiece?.('')
      },
    },
  )
  if (refusal !== undefined) return { ...nothing, ...failureIn(refusal), pieces }
  if (isError)
    return {
      ...nothing,
      pieces,
      text: textIn(structured, 'partial_text'),
      ...failureIn(valueIn(structured, 'error')),
    }
  return { ...answerOf(structured), pieces }
}

function failureIn(error: unknown): Pick<Answer, 'error' | 'retryMs'> {
  const delay = valueIn(error, 'retry_delay_ms')
  return { error: textIn(error, 'reason'), retryMs: typeof delay === 'number' ? delay : undefined }
}

const finishes: Readonly<Record<string, Answer['finish']>> = { STOP: 'stop', LENGTH: 'length' }

function answerOf(structured: Json): Answer {
  const usage = objectIn(structured, 'usage')
  return {
    ...nothing,
    id: textIn(structured, 'response_id'),
    text: textIn(structured, 'text'),
    finish: finishes[textIn(structured, 'finish_reason')] ?? '',
    tokens: [Number(usage['input_tokens']), Number(usage['output_tokens'])],
    nanoUsd:
      valueIn(structured, 'cost', 'known') === true ? textIn(structured, 'cost', 'nano_usd') : undefined,
    conversation: textIn(structured, 'conversation_id'),
    isReplayed: structured['replayed'] === true,
    isDone: true,
  }
}
