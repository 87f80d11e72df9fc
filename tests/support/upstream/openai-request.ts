// The shape of a Chat Completions request, field by field, as OpenAI's specification of August 2026 has it.
import {
  anyObject,
  anything,
  byKind,
  flag,
  list,
  number,
  object,
  oneOf,
  record,
  type Shape,
  ShapeError,
  text,
  textOf,
  variant,
} from './shape.ts'

const name = text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ })
const base64 = text({ pattern: /^[A-Za-z0-9+/]+={0,2}$/ })
const breakpoint = { prompt_cache_breakpoint: object({ mode: oneOf('explicit') }) }

const imageUrl: Shape = (value, path) => {
  text()(value, path)
  if (/^https?:\/\/\S+$/.test(textOf(value))) return
  if (/^data:image\/[a-z+.-]+;base64,[A-Za-z0-9+/]+={0,2}$/.test(textOf(value))) return
  throw new ShapeError('value', path, `Invalid '${path}': expected an http(s) URL or a base64 data URI.`)
}

const file: Shape = (value, path) => {
  object(
    {},
    {
      file_id: text({ pattern: /^file-\S+$/ }),
      filename: text(),
      file_data: text({ pattern: /^data:[a-z]+\/[\w.+-]+;base64,[A-Za-z0-9+/]+={0,2}$/ }),
    },
  )(value, path)
  const given = Object.keys(Object(value)).sort().join()
  if (given === 'file_id' || given === 'file_data,filename') return
  throw new ShapeError(
    'missing',
    `${path}.file_id`,
    `Expected 'file_id', or 'filename' with 'file_data', in '${path}'.`,
  )
}

const textPart = object({ type: anything, text: text() }, breakpoint)
const refusalPart = object({ type: anything, refusal: text() })
const imagePart = object(
  { type: anything, image_url: object({ url: imageUrl }, { detail: oneOf('auto', 'low', 'high') }) },
  breakpoint,
)
const audioPart = object(
  { type: anything, input_audio: object({ data: base64, format: oneOf('wav', 'mp3') }) },
  breakpoint,
)
const filePart = object({ type: anything, file }, breakpoint)

const textContent = byKind({ string: text(), list: list(variant('type', { text: textPart })) })
const userContent = byKind({
  string: text(),
  list: list(
    variant('type', { text: textPart, image_url: imagePart, input_audio: audioPart, file: filePart }),
  ),
})
const assistantContent = byKind({
  string: text(),
  null: anything,
  list: list(variant('type', { text: textPart, refusal: refusalPart })),
})

// OpenAI refuses longer call ids on this endpoint.
const callId = text({ max: 40, pattern: /./ })
const toolCall = variant('type', {
  function: object({ id: callId, type: anything, function: object({ name, arguments: text() }) }),
  custom: object({ id: callId, type: anything, custom: object({ name, input: text() }) }),
})

const speaker = { name: text({ max: 64, pattern: /^[^\s<|\\/>]+$/ }) }
const instruction = object({ role: anything, content: textContent }, speaker)
const messageShape = (assistantExtra: Readonly<Record<string, Shape>>): Shape =>
  variant('role', {
    developer: instruction,
    system: instruction,
    user: object({ role: anything, content: userContent }, speaker),
    assistant: object(
      { role: anything },
      {
        ...assistantExtra,
        ...speaker,
        content: assistantContent,
        refusal: byKind({ string: text(), null: anything }),
        tool_calls: list(toolCall, { max: 128 }),
        audio: byKind({ object: object({ id: text() }), null: anything }),
        function_call: object({ name, arguments: text() }),
      },
    ),
    tool: object({ role: anything, content: textContent, tool_call_id: callId }),
    function: object({ role: anything, content: byKind({ string: text(), null: anything }), name }),
  })

const parameters: Shape = (value, path) => {
  anyObject(value, path)
  const kind = Object(value).type
  if (kind === 'object') return
  const message = `Invalid schema at '${path}': schema must be a JSON Schema of 'type: "object"', got '${kind}'.`
  throw new ShapeError('value', path, message)
}

const tool = variant('type', {
  function: object({
    type: anything,
    function: object({ name }, { description: text(), parameters, strict: flag }),
  }),
  custom: object({ type: anything, custom: object({ name }, { description: text(), format: anyObject }) }),
})

const namedTool = variant('type', {
  function: object({ type: anything, function: object({ name }) }),
  custom: object({ type: anything, custom: object({ name }) }),
})
const toolChoice = byKind({
  string: oneOf('none', 'auto', 'required'),
  object: variant('type', {
    function: namedTool,
    custom: namedTool,
    allowed_tools: object({
      type: anything,
      allowed_tools: object({ mode: oneOf('auto', 'required'), tools: list(namedTool) }),
    }),
  }),
})

const responseFormat = variant('type', {
  text: object({ type: anything }),
  json_object: object({ type: anything }),
  json_schema: object({
    type: anything,
    json_schema: object({ name, schema: anyObject }, { strict: flag, description: text() }),
  }),
})

const stopWord = text({ pattern: /[\s\S]/ })
const penalty = number({ min: -2, max: 2 })
const positive = number({ min: 1, integer: true })

const optional: Readonly<Record<string, Shape>> = {
  audio: object({ voice: anything, format: oneOf('wav', 'aac', 'mp3', 'flac', 'opus', 'pcm16') }),
  frequency_penalty: penalty,
  function_call: byKind({ string: oneOf('none', 'auto'), object: object({ name }) }),
  functions: list(object({ name }, { description: text(), parameters }), { max: 128 }),
  logit_bias: record(number({ min: -100, max: 100 })),
  logprobs: flag,
  max_completion_tokens: positive,
  max_tokens: positive,
  metadata: record(text({ max: 512 }), { maxPairs: 16, maxKey: 64 }),
  modalities: list(oneOf('text', 'audio')),
  moderation: anyObject,
  n: number({ min: 1, max: 128, integer: true }),
  parallel_tool_calls: flag,
  prediction: object({ type: oneOf('content'), content: textContent }),
  presence_penalty: penalty,
  prompt_cache_key: text(),
  prompt_cache_options: object({}, { mode: oneOf('implicit', 'explicit'), ttl: oneOf('30m') }),
  prompt_cache_retention: oneOf('in_memory', '24h'),
  reasoning_effort: oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'),
  response_format: responseFormat,
  safety_identifier: text({ max: 64 }),
  seed: number({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, integer: true }),
  service_tier: oneOf('auto', 'default', 'flex', 'scale', 'priority', 'fast'),
  stop: byKind({ string: stopWord, list: list(stopWord, { max: 4 }) }),
  store: flag,
  stream: flag,
  stream_options: object({}, { include_usage: flag, include_obfuscation: flag }),
  temperature: number({ min: 0, max: 2 }),
  tool_choice: toolChoice,
  tools: list(tool, { max: 128 }),
  top_logprobs: number({ min: 0, max: 20, integer: true }),
  top_p: number({ min: 0, max: 1 }),
  user: text(),
  verbosity: oneOf('low', 'medium', 'high'),
  web_search_options: anyObject,
}

const anyOf = (fields: readonly string[]): Readonly<Record<string, Shape>> =>
  Object.fromEntries(fields.map(field => [field, anything]))

/** The shape of the whole body; the extra fields, at the top and in assistant messages, may hold anything. */
export const requestShape = (extra: readonly string[], assistantExtra: readonly string[]): Shape =>
  object(
    { model: text({ pattern: /./ }), messages: list(messageShape(anyOf(assistantExtra))) },
    { ...optional, ...anyOf(extra) },
  )
