// The door at /v1/responses as clients of OpenAI's Responses API speak to it.
import {
  type Answer,
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
import { besides, ownIn, reasonIn } from './openai.ts'
import { type Event, postBody } from './sse.ts'

/** The door. */
export const responsesDoor: Door = {
  name: '/v1/responses',
  to: ({ url, credential }) => {
    const headers = bearer(credential)
    return {
      async ask(question) {
        const { signal, key } = question
        const reply = await postBody(`${url}/v1/responses`, bodyOf(question), {
          headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
          signal,
        })
        if (reply.events !== undefined) return readEvents(reply.events, question)
        if (reply.status !== 200) return { ...nothing, error: reasonIn(reply.json), retryMs: reply.retryMs }
        return { ...wholeOf(reply.json), isDone: true }
      },
      ...besides(url, headers),
    }
  },
}

function bodyOf(question: Question): Json {
  const { text, model, system, tools, result, schema, image, fileId, stream, conversation } = question
  const { resumeSeconds } = question
  const content = [
    { type: 'input_text', text },
    ...(image === undefined
      ? []
      : [{ type: 'input_image', image_url: `data:image/png;base64,${image}`, detail: 'auto' }]),
    ...(fileId === undefined ? [] : [{ type: 'input_file', file_id: fileId }]),
  ]
  const isText = content.length === 1 && result === undefined
  return {
    model,
    input: isText ? text : [{ role: 'user', content }, ...(result === undefined ? [] : turnsOf(result))],
    ...(system && { instructions: system }),
    ...(tools && { tools: tools.map(each => ({ type: 'function', strict: false, ...each })) }),
    ...(schema && { text: { format: { type: 'json_schema', name: 'answer', schema, strict: true } } }),
    ...(question.thoughts && { reasoning: { effort: 'high', summary: 'auto' } }),
    ...(question.maxTokens && { max_output_tokens: question.maxTokens }),
    // A new conversation is begun in OpenAI's own words.
    ...(conversation === 'new' && { store: true }),
    ...(conversation !== undefined && conversation !== 'new' && { conversation }),
    ...(stream && { stream }),
    ...(resumeSeconds === undefined ? {} : { exai: { resume_window: `${resumeSeconds}s` } }),
  }
}

function turnsOf({ call: { id, name, arguments: args }, text }: NonNullable<Question['result']>) {
  return [
    { type: 'function_call', call_id: id, name, arguments: args },
    { type: 'function_call_output', call_id: id, output: text },
  ]
}

function wholeOf(response: unknown): Answer {
  const items = listIn(response, 'output')
  const of = (type: string) => items.filter(item => valueIn(item, 'type') === type)
  const calls: readonly Call[] = of('function_call').map(item => ({
    id: textIn(item, 'call_id'),
    name: textIn(item, 'name'),
    arguments: textIn(item, 'arguments'),
  }))
  const [input, output] = [
    valueIn(response, 'usage', 'input_tokens'),
    valueIn(response, 'usage', 'output_tokens'),
  ]
  return {
    ...nothing,
    id: textIn(response, 'id'),
    text: of('message')
      .flatMap(item => listIn(item, 'content'))
      .map(part => textIn(part, 'text'))
      .join(''),
    reasoning: of('reasoning')
      .flatMap(item => listIn(item, 'summary'))
      .map(part => textIn(part, 'text'))
      .join(''),
    calls,
    finish: finishOf(response, calls),
    tokens: typeof input === 'number' && typeof output === 'number' ? [input, output] : undefined,
    ...ownIn(valueIn(response, 'exai')),
    conversation: textIn(response, 'conversation', 'id'),
  }
}

/** The Responses API has no word for calls: there are some, or not. */
function finishOf(response: unknown, calls: readonly Call[]): Answer['finish'] {
  const status = textIn(response, 'status')
  if (status === 'incomplete')
    return textIn(response, 'incomplete_details', 'reason') === 'max_output_tokens' ? 'length' : ''
  if (status !== 'completed') return ''
  return calls.length > 0 ? 'tool_calls' : 'stop'
}

async function readEvents(events: AsyncIterable<Event>, { onPiece, onHeartbeat }: Question): Promise<Answer> {
  let answer = nothing
  for await (const { name, data, isComment } of events) {
    if (isComment) {
      onHeartbeat?.()
      continue
    }
    const event: unknown = JSON.parse(data)
    if (textIn(event, 'type') !== name) throw new Error(`an event ${name} that holds ${data}`)
    if (name === 'error') return { ...answer, error: textIn(event, 'code').toUpperCase() }
    const before = answer.pieces
    answer = withEvent(answer, name, event)
    if (answer.pieces > before) onPiece?.(answer.id)
  }
  return answer
}

function withEvent(answer: Answer, name: string, event: unknown): Answer {
  const delta = textIn(event, 'delta')
  switch (name) {
    case 'response.created':
      return { ...answer, id: textIn(event, 'response', 'id') }
    case 'response.output_text.delta':
      return { ...answer, text: answer.text + delta, pieces: answer.pieces + 1 }
    case 'response.reasoning_summary_text.delta':
      return { ...answer, reasoning: answer.reasoning + delta }
    case 'response.output_item.added':
      return withItem(answer, objectIn(event, 'item'))
    case 'response.function_call_arguments.delta': {
      const last = answer.calls.at(-1)
      if (last === undefined) throw new Error('the arguments of no call')
      return { ...answer, calls: answer.calls.with(-1, { ...last, arguments: last.arguments + delta }) }
    }
    case 'response.completed':
    case 'response.incomplete': {
      // Text, thoughts and calls stay as they were streamed.
      const { text, reasoning, calls, pieces } = answer
      return { ...wholeOf(valueIn(event, 'response')), text, reasoning, calls, pieces, isDone: true }
    }
    default:
      return answer
  }
}

function withItem(answer: Answer, item: Json): Answer {
  if (item['type'] !== 'function_call') return answer
  const call = { id: textIn(item, 'call_id'), name: textIn(item, 'name'), arguments: '' }
  return { ...answer, calls: [...answer.calls, call] }
}
