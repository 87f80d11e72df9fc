// The written list of calls through /v1, each with the same call in words of the contract: what the SDKs of OpenAI are tested with.

type Json = Readonly<Record<string, unknown>>

/** One chat: it is asked whole and as a stream. */
export type ChatCase = {
  readonly name: string
  /** The body as a user of OpenAI writes it. */
  readonly body: Json
  /** The same request for ChatService, in JSON. */
  readonly ours: Json
  /** Whether it is wrong on purpose. */
  readonly isRefused?: true
}

const MODEL = 'openai/test-model'
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const user = (...content: readonly Json[]): Json => ({ role: 'ROLE_USER', content })
const system = (text: string): Json => ({ role: 'ROLE_SYSTEM', content: [{ text }] })
const assistant = (...content: readonly Json[]): Json => ({ role: 'ROLE_ASSISTANT', content })

/** A case that says one thing and sets some fields. */
const setting = (name: string, text: string, fields: Json, ours: Json): ChatCase => ({
  name,
  body: { model: MODEL, messages: [{ role: 'user', content: text }], ...fields },
  ours: { model: MODEL, messages: [user({ text })], ...ours },
})

const saying = (
  name: string,
  messages: readonly Json[],
  ours: readonly Json[],
  more: Json = {},
): ChatCase => ({
  name,
  body: { model: MODEL, messages, ...more },
  ours: { model: MODEL, messages: ours, ...more },
})

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const functionOf = (name: string): Json => ({
  type: 'function',
  function: { name, description: `Does ${name}.`, parameters },
})
const toolOf = (name: string): Json => ({ name, description: `Does ${name}.`, parameters })
const weather = { tools: [functionOf('get_weather')] }
const ourWeather = { tools: [toolOf('get_weather')] }
const schema = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'integer' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
}

/** The chats. */
export const chatCases: readonly ChatCase[] = [
  setting('one message', 'hello there', {}, {}),
  setting('a text beyond ASCII', 'good morning, Zürich 🗼', {}, {}),
  saying(
    'a system message',
    [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'hi' },
    ],
    [system('be brief'), user({ text: 'hi' })],
  ),
  saying(
    'a developer message',
    [
      { role: 'developer', content: 'be brief' },
      { role: 'user', content: 'hi' },
    ],
    [system('be brief'), user({ text: 'hi' })],
  ),
  saying(
    'several turns, one with empty extras as clients send answers back',
    [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'You said: one', refusal: null, annotations: [] },
      { role: 'user', content: 'two' },
    ],
    [user({ text: 'one' }), assistant({ text: 'You said: one' }), user({ text: 'two' })],
  ),
  saying(
    'a list of texts',
    [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'one' },
          { type: 'text', text: 'two' },
        ],
      },
    ],
    [user({ text: 'one' }, { text: 'two' })],
  ),
  saying(
    'an image in the request',
    [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is it?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}`, detail: 'low' } },
        ],
      },
    ],
    [user({ text: 'what is it?' }, { media: { mimeType: 'image/png', data: PIXEL, detail: 'low' } })],
  ),
  setting('a tool that may be called', 'please call the tool', weather, ourWeather),
  setting('a tool that is not called', 'good day', weather, ourWeather),
  setting(
    'the tool that must be called',
    'good day',
    { ...weather, tool_choice: { type: 'function', function: { name: 'get_weather' } } },
    { ...ourWeather, toolChoice: { toolName: 'get_weather' } },
  ),
  setting(
    'any tool that must be called',
    'good day',
    { ...weather, tool_choice: 'required' },
    { ...ourWeather, toolChoice: { mode: 'MODE_REQUIRED' } },
  ),
  setting(
    'tools that must not be called',
    'call the tool',
    { ...weather, tool_choice: 'none' },
    { ...ourWeather, toolChoice: { mode: 'MODE_NONE' } },
  ),
  setting(
    'two tools at once',
    'call the tools',
    { tools: [functionOf('first'), functionOf('second')], parallel_tool_calls: true },
    { tools: [toolOf('first'), toolOf('second')], parallelToolCalls: true },
  ),
  saying(
    'the result of a tool',
    [
      { role: 'user', content: 'call the tool' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Bern"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '21 degrees' },
    ],
    [
      user({ text: 'call the tool' }),
      assistant({ toolCall: { callId: 'call_1', name: 'get_weather', arguments: '{"city":"Bern"}' } }),
      {
        role: 'ROLE_TOOL',
        content: [{ toolResult: { callId: 'call_1', content: [{ text: '21 degrees' }] } }],
      },
    ],
  ),
  setting(
    'one JSON value',
    'answer in JSON',
    { response_format: { type: 'json_object' } },
    { responseFormat: { json: {} } },
  ),
  setting(
    'a JSON Schema',
    'the weather',
    { response_format: { type: 'json_schema', json_schema: { name: 'weather', schema, strict: true } } },
    { responseFormat: { jsonSchema: { name: 'weather', schema, strict: true } } },
  ),
  setting('a temperature and top_p', 'hi', { temperature: 0.5, top_p: 0.9 }, { temperature: 0.5, topP: 0.9 }),
  setting('a short answer', 'one two three four', { max_completion_tokens: 3 }, { maxOutputTokens: 3 }),
  setting('a short answer in the older word', 'one two three', { max_tokens: 2 }, { maxOutputTokens: 2 }),
  setting('a stop text', 'one two three', { stop: 'two' }, { stop: ['two'] }),
  setting('several stop texts', 'one two three', { stop: ['four', 'three'] }, { stop: ['four', 'three'] }),
  setting(
    'a seed, a user, labels and a tier',
    'hi',
    { seed: 7, user: 'u1', metadata: { a: 'b' }, service_tier: 'default' },
    { seed: '7', user: 'u1', metadata: { a: 'b' }, serviceTier: 'default' },
  ),
  setting(
    'fields that have no name here',
    'hi',
    { presence_penalty: 0.5, logit_bias: { '50256': -100 } },
    { providerOptions: { '*': { presence_penalty: 0.5, logit_bias: { '50256': -100 } } } },
  ),
  setting('fields that are null', 'hi', { temperature: null, stop: null, tools: null, user: null }, {}),
  {
    ...setting('a model that nobody serves', 'hi', { model: 'no-such-model' }, { model: 'no-such-model' }),
    isRefused: true,
  },
  {
    ...setting('a temperature that there is not', 'hi', { temperature: 3 }, { temperature: 3 }),
    isRefused: true,
  },
]

/** What the list has besides the chats: each is asked once. */
export const otherCalls = [
  'models.list',
  'models.retrieve',
  'files.create',
  'files.list',
  'files.retrieve',
  'files.content',
  'files.delete',
  'embeddings.create',
] as const

/** What came of a call, in nobody's words. */
export type Outcome =
  | {
      readonly text: string
      readonly calls: readonly (readonly [name: string, args: string])[]
      readonly finish: string
      readonly model: string
      /** Input, output, cached input, reasoning. */
      readonly tokens: readonly [number, number, number, number]
    }
  | { readonly reason: string }
