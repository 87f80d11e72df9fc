// The shape of a Responses request, field by field: input items, flattened tools, text formats.
import {
  anyObject,
  anything,
  byKind,
  flag,
  isObject,
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
const filled = text({ pattern: /[\s\S]/ })
const callId = text({ max: 64, pattern: /./ })
const itemId = text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ })
const fileId = text({ pattern: /^file-\S+$/ })
const url = text({ pattern: /^https?:\/\/\S+$/ })
const status = oneOf('in_progress', 'completed', 'incomplete')
const breakpoint = { prompt_cache_breakpoint: object({ mode: oneOf('explicit') }) }

/** An object of which just one of these sets of fields is given. */
const oneSetOf =
  (shape: Shape, ...sets: readonly (readonly string[])[]): Shape =>
  (value, path) => {
    shape(value, path)
    const all = sets.flat()
    const given = Object.keys(Object(value)).filter(key => all.includes(key))
    if (sets.some(set => set.length === given.length && set.every(key => given.includes(key)))) return
    const expected = sets.map(set => set.join(' with ')).join(', or ')
    throw new ShapeError(
      'missing',
      `${path}.${sets[0]?.[0]}`,
      `Expected just one of ${expected} in '${path}'.`,
    )
  }

const imagePart = oneSetOf(
  object(
    { type: anything },
    {
      image_url: text({ pattern: /^(https?:\/\/\S+|data:image\/[a-z+.-]+;base64,[A-Za-z0-9+/]+={0,2})$/ }),
      file_id: fileId,
      detail: oneOf('auto', 'low', 'high'),
      ...breakpoint,
    },
  ),
  ['image_url'],
  ['file_id'],
)
const filePart = oneSetOf(
  object(
    { type: anything },
    {
      file_id: fileId,
      file_url: url,
      filename: filled,
      file_data: text({ pattern: /^data:[a-z]+\/[\w.+-]+;base64,[A-Za-z0-9+/]+={0,2}$/ }),
      ...breakpoint,
    },
  ),
  ['file_id'],
  ['file_url'],
  ['file_data', 'filename'],
)

const inputParts = list(
  variant('type', {
    input_text: object({ type: anything, text: text() }, breakpoint),
    input_image: imagePart,
    input_file: filePart,
  }),
)
const outputParts = list(
  variant('type', {
    output_text: object(
      { type: anything, text: text() },
      { annotations: list(anyObject, { min: 0 }), logprobs: list(anyObject, { min: 0 }) },
    ),
    refusal: object({ type: anything, refusal: text() }),
  }),
)
const inputMessage = object(
  { role: anything, content: byKind({ string: text(), list: inputParts }) },
  { type: anything, status, id: itemId },
)
const message = variant('role', {
  user: inputMessage,
  system: inputMessage,
  developer: inputMessage,
  assistant: object(
    { role: anything, content: byKind({ string: text(), list: outputParts }) },
    { type: anything, status, id: itemId },
  ),
})
const typedItem = variant('type', {
  message,
  function_call: object({ type: anything, call_id: callId, name, arguments: text() }, { id: itemId, status }),
  function_call_output: object({ type: anything, call_id: callId, output: text() }, { id: itemId, status }),
  reasoning: object(
    {
      type: anything,
      id: itemId,
      summary: list(object({ type: oneOf('summary_text'), text: text() }), { min: 0 }),
    },
    { encrypted_content: filled, status },
  ),
})
/** A message may go without its type. */
const item: Shape = (value, path) =>
  isObject(value) && value['type'] === undefined && value['role'] !== undefined
    ? message(value, path)
    : typedItem(value, path)

const parameters: Shape = (value, path) => {
  anyObject(value, path)
  const kind = Object(value).type
  if (kind === 'object') return
  const problem = `Invalid schema at '${path}': schema must be a JSON Schema of 'type: "object"', got '${kind}'.`
  throw new ShapeError('value', path, problem)
}
const tool = variant('type', {
  function: object({ type: anything, name }, { description: text(), parameters, strict: flag }),
})
const namedTool = object({ type: oneOf('function'), name })
const toolChoice = byKind({
  string: oneOf('none', 'auto', 'required'),
  object: variant('type', {
    function: namedTool,
    allowed_tools: object({ type: anything, mode: oneOf('auto', 'required'), tools: list(namedTool) }),
  }),
})
const format = variant('type', {
  text: object({ type: anything }),
  json_object: object({ type: anything }),
  json_schema: object({ type: anything, name, schema: anyObject }, { strict: flag, description: text() }),
})

const required = {
  model: filled,
  input: byKind({ string: filled, list: list(item) }),
}
const shared: Readonly<Record<string, Shape>> = {
  instructions: text(),
  tools: list(tool, { max: 128 }),
  tool_choice: toolChoice,
  parallel_tool_calls: flag,
  reasoning: object(
    {},
    {
      effort: oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'),
      summary: oneOf('auto', 'concise', 'detailed'),
    },
  ),
  text: object({}, { format, verbosity: oneOf('low', 'medium', 'high') }),
  previous_response_id: text({ pattern: /^resp_/ }),
  truncation: oneOf('auto', 'disabled'),
}

/** The shape of a body of `POST /responses`. */
export const responsesShape: Shape = object(required, {
  ...shared,
  max_output_tokens: number({ min: 1, integer: true }),
  include: list(oneOf('reasoning.encrypted_content'), { min: 0 }),
  store: flag,
  stream: flag,
  temperature: number({ min: 0, max: 2 }),
  top_p: number({ min: 0, max: 1 }),
  service_tier: oneOf('auto', 'default', 'flex', 'scale', 'priority', 'fast'),
  metadata: record(text({ max: 512 }), { maxPairs: 16, maxKey: 64 }),
  prompt_cache_key: text(),
  prompt_cache_options: object({}, { mode: oneOf('implicit', 'explicit'), ttl: oneOf('30m') }),
  prompt_cache_retention: oneOf('in_memory', '24h'),
  safety_identifier: text({ max: 64 }),
})

/** The shape of a body of `POST /responses/input_tokens`. */
export const inputTokensShape: Shape = object(required, shared)

/** The files that the input names, and whether each stands for an image. */
export function fileIdsIn(
  items: readonly unknown[],
): readonly { readonly id: string; readonly image: boolean }[] {
  return items
    .flatMap((each): readonly unknown[] =>
      isObject(each) && Array.isArray(each['content']) ? each['content'] : [],
    )
    .flatMap(part =>
      isObject(part) && part['file_id'] !== undefined
        ? [{ id: textOf(part['file_id']), image: part['type'] === 'input_image' }]
        : [],
    )
}
