// The shape of a GLM chat request, field by field: what the specification does not list is refused.
import {
  anyObject,
  anything,
  byKind,
  flag,
  list,
  number,
  object,
  objectOf,
  oneOf,
  type Shape,
  ShapeError,
  text,
  textOf,
  variant,
} from './shape.ts'

const present = text({ pattern: /./ })
const url = text({ pattern: /^https?:\/\/\S+$/ })

/** An http URL, a data URI, or the bare base64. */
const imageUrl: Shape = (value, path) => {
  text()(value, path)
  const given = textOf(value)
  if (/^https?:\/\/\S+$/.test(given)) return
  const base64 = /^data:image\/(?:png|jpe?g);base64,/.test(given)
    ? given.slice(given.indexOf(',') + 1)
    : given
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return
  throw new ShapeError('value', path, `Invalid '${path}': expected an http URL or base64 of a jpg or png.`)
}

const userPart = variant('type', {
  text: object({ type: anything, text: text() }, { cache_control: object({ type: oneOf('ephemeral') }) }),
  image_url: object({ type: anything, image_url: object({ url: imageUrl }) }),
  video_url: object({ type: anything, video_url: object({ url }) }),
  file_url: object({ type: anything, file_url: object({ url }) }),
  input_audio: object({
    type: anything,
    input_audio: object({
      data: text({ pattern: /^[A-Za-z0-9+/]+={0,2}$/ }),
      format: oneOf('wav', 'mp3'),
    }),
  }),
})

const functionName = text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ })
const toolCall = object({
  id: present,
  type: oneOf('function'),
  function: object({ name: functionName, arguments: text() }),
})

const turns: Readonly<Record<string, Shape>> = {
  system: object({ role: anything, content: text() }),
  user: object({ role: anything, content: byKind({ string: text(), list: list(userPart) }) }),
  // A list here would be dropped in silence.
  assistant: object(
    { role: anything },
    { content: text(), reasoning_content: text(), tool_calls: list(toolCall) },
  ),
  tool: object({ role: anything, content: text(), tool_call_id: present }),
}

const turn: Shape = (value, path) => {
  anyObject(value, path)
  const role = textOf(objectOf(value)['role'])
  const shape = Object.hasOwn(turns, role) ? turns[role] : undefined
  if (shape === undefined) throw new ShapeError('value', `${path}.role`, 'Incorrect role information')
  shape(value, path)
}

const webSearch = object(
  { enable: flag, search_engine: present },
  {
    search_query: text(),
    count: number({ min: 1, max: 50, integer: true }),
    search_domain_filter: text(),
    search_recency_filter: oneOf('oneDay', 'oneWeek', 'oneMonth', 'oneYear', 'noLimit'),
    content_size: oneOf('medium', 'high'),
    result_sequence: oneOf('before', 'after'),
    search_result: flag,
    require_search: flag,
    search_prompt: text(),
  },
)

const tool = variant('type', {
  function: object({
    type: anything,
    function: object({ name: functionName }, { description: text(), parameters: anyObject }),
  }),
  web_search: object({ type: anything, web_search: webSearch }),
  retrieval: object({
    type: anything,
    retrieval: object({ knowledge_id: present }, { prompt_template: text() }),
  }),
})

const tools = list(tool, { max: 128 })
const messages = list(turn)
const userId = text({ pattern: /^.{6,128}$/s })

const responseFormat: Shape = (value, path) => {
  object({ type: anything }, { json_schema: anything })(value, path)
  const { type } = objectOf(value)
  if (type === 'text' || type === 'json_object') return object({ type: anything })(value, path)
  throw new ShapeError('unknown', `${path}.type`, `response_format does not support ${String(type)}.`)
}

const optional: Readonly<Record<string, Shape>> = {
  max_tokens: number({ min: 1, max: 131_072, integer: true }),
  temperature: number({ min: 0, max: 1 }),
  top_p: number({ min: 0.01, max: 1 }),
  do_sample: flag,
  stop: list(present, { max: 1 }),
  tools,
  tool_choice: oneOf('auto'),
  tool_stream: flag,
  response_format: responseFormat,
  thinking: object({ type: oneOf('enabled', 'disabled') }, { clear_thinking: flag }),
  // Which value fits which model is a rule of its own.
  reasoning_effort: text(),
  request_id: present,
  user_id: userId,
  stream: flag,
  watermark_enabled: flag,
}

/** The shape of a chat request; BigModel has a field more than Z.AI. */
export const chatShape = (bigModel: boolean): Shape =>
  object({ model: present, messages }, bigModel ? { ...optional, sensitive_word_check: anyObject } : optional)

/** The shape of a request to count tokens. */
export const tokenizerShape: Shape = object(
  { model: present, messages },
  { tools, request_id: present, user_id: userId },
)

/** The shape of a request for embeddings. */
export const embeddingsShape: Shape = object(
  { model: present, input: byKind({ string: present, list: list(present) }) },
  { dimensions: number({ min: 1, max: 2048, integer: true }) },
)
