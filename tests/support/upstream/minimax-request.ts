// The shape of a MiniMax chat request, field by field: what is undocumented or to be stripped is refused.
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
const detail = oneOf('low', 'default', 'high')
const pixels = number({ min: 1, integer: true })

const media = (url: RegExp, more: Readonly<Record<string, Shape>> = {}): Shape =>
  object({ url: text({ pattern: url }) }, { detail, max_long_side_pixel: pixels, ...more })

const part = variant('type', {
  text: object({ type: anything, text: text() }),
  image_url: object({
    type: anything,
    image_url: media(/^(?:https?:\/\/\S+|data:image\/[a-z+.-]+;base64,[A-Za-z0-9+/]+={0,2})$/),
  }),
  video_url: object({
    type: anything,
    video_url: media(
      /^(?:https?:\/\/\S+|mm_file:\/\/\d+|data:video\/[a-z0-9+.-]+;base64,[A-Za-z0-9+/]+={0,2})$/,
      { fps: number({ min: Number.MIN_VALUE }) },
    ),
  }),
})

/** JSON in a string. */
const jsonText: Shape = (value, path) => {
  text()(value, path)
  try {
    JSON.parse(textOf(value))
  } catch {
    throw new ShapeError('value', path, `invalid function arguments json string in '${path}'`)
  }
}

const functionName = text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ })
const toolCall = object(
  {
    id: present,
    type: oneOf('function'),
    function: object({ name: functionName, arguments: jsonText }),
  },
  { index: number({ min: 0, integer: true }) },
)
const reasoningDetail = object(
  { type: oneOf('reasoning.text'), text: text() },
  { id: text(), format: text(), index: number({ min: 0, integer: true }) },
)

const turns: Readonly<Record<string, Shape>> = {
  system: object({ role: anything, content: text() }),
  user: object({ role: anything, content: byKind({ string: text(), list: list(part) }) }),
  assistant: object(
    { role: anything },
    {
      content: byKind({ string: text(), null: anything }),
      tool_calls: list(toolCall),
      reasoning_details: list(reasoningDetail),
      reasoning_content: text(),
    },
  ),
  tool: object({ role: anything, content: text(), tool_call_id: present }),
}

const turn: Shape = (value, path) => {
  anyObject(value, path)
  const role = textOf(objectOf(value)['role'])
  const shape = Object.hasOwn(turns, role) ? turns[role] : undefined
  if (shape === undefined) {
    throw new ShapeError('value', `${path}.role`, `chat content has invalid message role: ${role}`)
  }
  shape(value, path)
}

const tool = variant('type', {
  function: object({
    type: anything,
    function: object({ name: functionName }, { description: text(), parameters: anyObject }),
  }),
  web_search: object({ type: anything }),
})

// Zero is refused, unlike elsewhere.
const aboveZero = number({ min: Number.MIN_VALUE, max: 1 })
const positive = number({ min: 1, integer: true })

/** The shape of a chat request. */
export const chatShape: Shape = object(
  { model: present, messages: list(turn) },
  {
    max_completion_tokens: positive,
    max_tokens: positive,
    temperature: aboveZero,
    top_p: aboveZero,
    n: number({ min: 1, max: 1, integer: true }),
    tools: list(tool),
    tool_choice: oneOf('auto'),
    stop: byKind({ string: present, list: list(present) }),
    reasoning_split: flag,
    // Which type and which effort fit which model are rules of their own.
    thinking: object({ type: text() }),
    reasoning_effort: text(),
    service_tier: oneOf('priority'),
    stream: flag,
    stream_options: object({}, { include_usage: flag }),
  },
)
