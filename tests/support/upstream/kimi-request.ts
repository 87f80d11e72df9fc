// The shape of Kimi's Chat Completions request, field by field: what its documents do not have is refused.
import {
  anything,
  byKind,
  flag,
  list,
  number,
  object,
  oneOf,
  type Shape,
  ShapeError,
  text,
  textOf,
  variant,
} from './shape.ts'

/** Name of the search that Kimi runs itself. */
export const WEB_SEARCH = '$web_search'

const STOP_BYTES_MAX = 32

const toolName = text({ pattern: /^[a-zA-Z_][a-zA-Z0-9-_]{2,63}$/ })

const filledText: Shape = (value, path) => {
  text()(value, path)
  if (value === '') throw new ShapeError('empty', path, 'Invalid request: text content is empty')
}

/** A media url: base64 inside the request or an uploaded file, never an address to fetch. */
const mediaUrl =
  (kind: 'image' | 'video'): Shape =>
  (value, path) => {
    text()(value, path)
    if (/^ms:\/\/\S+$/.test(textOf(value))) return
    if (new RegExp(`^data:${kind}/[a-z0-9+.-]+;base64,[A-Za-z0-9+/]+={0,2}$`).test(textOf(value))) return
    throw new ShapeError('value', path, `Invalid request: unsupported ${kind} url: ${textOf(value)}`)
  }

const media = (kind: 'image' | 'video'): Shape =>
  byKind({ string: mediaUrl(kind), object: object({ url: mediaUrl(kind) }) })

const textPart = object({ type: anything, text: filledText })
const textContent = byKind({ string: filledText, list: list(variant('type', { text: textPart })) })
const userContent = byKind({
  string: filledText,
  list: list(
    variant('type', {
      text: textPart,
      image_url: object({ type: anything, image_url: media('image') }),
      video_url: object({ type: anything, video_url: media('video') }),
    }),
  ),
})

const callId = text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ })
const calledName: Shape = (value, path) => {
  if (value !== WEB_SEARCH) toolName(value, path)
}
const toolCall = object({
  id: callId,
  type: oneOf('function', 'builtin_function'),
  function: object({ name: calledName, arguments: text() }),
})

const tool = variant('type', {
  function: object({
    type: anything,
    function: object({ name: toolName }, { description: text(), parameters: anything, strict: flag }),
  }),
  builtin_function: object({ type: anything, function: object({ name: oneOf(WEB_SEARCH) }) }),
})
const tools = list(tool, { max: 128 })

const speaker = { name: text({ pattern: /./ }) }
const message = variant('role', {
  system: object({ role: anything }, { ...speaker, content: textContent, tools }),
  user: object({ role: anything, content: userContent }, speaker),
  assistant: object(
    { role: anything },
    {
      ...speaker,
      content: textContent,
      reasoning_content: text(),
      tool_calls: list(toolCall, { max: 128 }),
      partial: flag,
    },
  ),
  tool: object({ role: anything, content: textContent, tool_call_id: callId }, speaker),
})
const messages = list(message)

const stopWord: Shape = (value, path) => {
  text({ pattern: /[\s\S]/ })(value, path)
  if (Buffer.byteLength(textOf(value)) <= STOP_BYTES_MAX) return
  throw new ShapeError('too_long', path, `Invalid request: ${path} is longer than ${STOP_BYTES_MAX} bytes`)
}

const positive = number({ min: 1, integer: true })
const sampling = number({ min: -2, max: 5 })
const model = text({ pattern: /./ })

/** The shape of a body of `POST /chat/completions`. */
export const kimiShape: Shape = object(
  { model, messages },
  {
    max_completion_tokens: positive,
    max_tokens: positive,
    temperature: sampling,
    top_p: sampling,
    n: positive,
    presence_penalty: sampling,
    frequency_penalty: sampling,
    logprobs: flag,
    top_logprobs: number({ min: 0, max: 20, integer: true }),
    stop: byKind({ string: stopWord, list: list(stopWord, { max: 5 }) }),
    stream: flag,
    stream_options: object({}, { include_usage: flag }),
    response_format: variant('type', {
      text: object({ type: anything }),
      json_object: object({ type: anything }),
      json_schema: object({
        type: anything,
        json_schema: object(
          { name: text({ pattern: /./ }), schema: anything },
          { strict: flag, description: text() },
        ),
      }),
    }),
    tools,
    tool_choice: byKind({
      string: oneOf('none', 'auto', 'required'),
      object: object({ type: oneOf('function'), function: object({ name: calledName }) }),
    }),
    thinking: object(
      { type: oneOf('enabled', 'disabled') },
      { keep: byKind({ null: anything, string: oneOf('all') }) },
    ),
    reasoning_effort: oneOf('low', 'high', 'max'),
    prompt_cache_key: text({ pattern: /./ }),
    prompt_cache_options: object({ ttl: oneOf('5m', '1h') }),
    safety_identifier: text({ pattern: /./ }),
  },
)

/** The shape of a body of `POST /tokenizers/estimate-token-count`. */
export const kimiCountShape: Shape = object({ model, messages })
