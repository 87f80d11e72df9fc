// The written list of chats through /v1/messages, each with the same call in words of the contract: what Anthropic's SDK is tested with.

type Json = Readonly<Record<string, unknown>>

/** One chat: it is asked whole and as a stream. */
export type MessagesCase = {
  readonly name: string
  /** The body as a user of Anthropic writes it. */
  readonly body: Json
  /** The same request for ChatService, in JSON. */
  readonly ours: Json
  /** Whether it is wrong on purpose. */
  readonly isRefused?: true
}

const MODEL = 'openai/test-model'
const THINKER = 'openai/gpt-6-sol'

/** A picture of one pixel, in base64. */
export const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const user = (...content: readonly Json[]): Json => ({ role: 'ROLE_USER', content })
const assistant = (...content: readonly Json[]): Json => ({ role: 'ROLE_ASSISTANT', content })
const CAP = { max_tokens: 1_000 }
const OUR_CAP = { maxOutputTokens: 1_000 }

/** A case that says one thing and sets some fields. */
const setting = (name: string, text: string, fields: Json, ours: Json): MessagesCase => ({
  name,
  body: { model: MODEL, ...CAP, messages: [{ role: 'user', content: text }], ...fields },
  ours: { model: MODEL, ...OUR_CAP, messages: [user({ text })], ...ours },
})

const saying = (name: string, messages: readonly Json[], ours: readonly Json[]): MessagesCase => ({
  name,
  body: { model: MODEL, ...CAP, messages },
  ours: { model: MODEL, ...OUR_CAP, messages: ours },
})

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const toolOf = (name: string): Json => ({ name, description: `Does ${name}.`, input_schema: parameters })
const ourToolOf = (name: string): Json => ({ name, description: `Does ${name}.`, parameters })
const weather = { tools: [toolOf('get_weather')] }
const ourWeather = { tools: [ourToolOf('get_weather')] }
const schema = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'integer' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
}

/** The chats. */
export const messagesCases: readonly MessagesCase[] = [
  setting('one message', 'hello there', {}, {}),
  setting('a text beyond ASCII', 'good morning, Zürich 🗼', {}, {}),
  setting(
    'a system prompt',
    'hello',
    { system: 'be brief' },
    { messages: [{ role: 'ROLE_SYSTEM', content: [{ text: 'be brief' }] }, user({ text: 'hello' })] },
  ),
  setting(
    'a system prompt in blocks, one to be cached',
    'hello',
    {
      system: [
        { type: 'text', text: 'be brief' },
        { type: 'text', text: 'be kind', cache_control: { type: 'ephemeral' } },
      ],
      cache_control: { type: 'ephemeral' },
    },
    {
      messages: [
        { role: 'ROLE_SYSTEM', content: [{ text: 'be brief' }, { text: 'be kind' }] },
        user({ text: 'hello' }),
      ],
    },
  ),
  saying(
    'several turns',
    [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: [{ type: 'text', text: 'two' }] },
      { role: 'user', content: [{ type: 'text', text: 'three' }] },
    ],
    [user({ text: 'one' }), assistant({ text: 'two' }), user({ text: 'three' })],
  ),
  saying(
    'an image',
    [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is it?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
        ],
      },
    ],
    [user({ text: 'what is it?' }, { media: { mimeType: 'image/png', data: PIXEL } })],
  ),
  saying(
    'an image behind a URL',
    [
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } },
          { type: 'text', text: 'and this?' },
        ],
      },
    ],
    [user({ media: { url: 'https://example.org/a.png' } }, { text: 'and this?' })],
  ),
  saying(
    'a document that is a text',
    [
      {
        role: 'user',
        content: [
          {
            type: 'document',
            title: 'Grass',
            context: 'from a diary',
            source: { type: 'text', media_type: 'text/plain', data: 'it was blue' },
          },
          { type: 'text', text: 'which colour?' },
        ],
      },
    ],
    [user({ text: 'from a diary' }, { text: 'Grass\nit was blue' }, { text: 'which colour?' })],
  ),
  setting('a tool that may be called', 'please call the tool', weather, ourWeather),
  setting('a tool that is not called', 'good day', { ...weather, tool_choice: { type: 'auto' } }, ourWeather),
  setting(
    'the tool that must be called',
    'good day',
    { ...weather, tool_choice: { type: 'tool', name: 'get_weather' } },
    { ...ourWeather, toolChoice: { toolName: 'get_weather' } },
  ),
  setting(
    'any tool that must be called',
    'good day',
    { ...weather, tool_choice: { type: 'any' } },
    { ...ourWeather, toolChoice: { mode: 'MODE_REQUIRED' } },
  ),
  setting(
    'tools that must not be called',
    'call the tool',
    { ...weather, tool_choice: { type: 'none' } },
    { ...ourWeather, toolChoice: { mode: 'MODE_NONE' } },
  ),
  setting(
    'two tools at once',
    'call the tools',
    { tools: [toolOf('first'), toolOf('second')] },
    { tools: [ourToolOf('first'), ourToolOf('second')] },
  ),
  setting(
    'two tools, one at a time',
    'call the tools',
    {
      tools: [toolOf('first'), toolOf('second')],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    },
    { tools: [ourToolOf('first'), ourToolOf('second')], parallelToolCalls: false },
  ),
  saying(
    'the result of a tool that failed, and a word about it',
    [
      { role: 'user', content: 'call the tool' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'one moment' },
          { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Bern' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: 'no such city', is_error: true },
          { type: 'text', text: 'try again' },
        ],
      },
    ],
    [
      user({ text: 'call the tool' }),
      assistant(
        { text: 'one moment' },
        { toolCall: { callId: 'toolu_1', name: 'get_weather', arguments: '{"city":"Bern"}' } },
      ),
      {
        role: 'ROLE_TOOL',
        content: [{ toolResult: { callId: 'toolu_1', content: [{ text: 'no such city' }], isError: true } }],
      },
      user({ text: 'try again' }),
    ],
  ),
  setting(
    'a JSON Schema',
    'the weather',
    { output_config: { format: { type: 'json_schema', schema } } },
    { responseFormat: { jsonSchema: { name: 'answer', schema, strict: true } } },
  ),
  setting('a temperature and top_p', 'hi', { temperature: 0.5, top_p: 0.9 }, { temperature: 0.5, topP: 0.9 }),
  setting('a short answer', 'one two three four', { max_tokens: 3 }, { maxOutputTokens: 3 }),
  setting('stop texts', 'one two three', { stop_sequences: ['four', 'three'] }, { stop: ['four', 'three'] }),
  setting('a user', 'hi', { metadata: { user_id: 'u1' }, service_tier: 'auto' }, { user: 'u1' }),
  setting(
    'thoughts within a budget',
    'think about it',
    { model: THINKER, thinking: { type: 'enabled', budget_tokens: 20_000 } },
    { model: THINKER, reasoningEffort: 'REASONING_EFFORT_HIGH' },
  ),
  setting(
    'thoughts with a tool, sealed',
    'call the tool',
    { model: THINKER, ...weather, thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
    { model: THINKER, ...ourWeather, reasoningEffort: 'REASONING_EFFORT_HIGH' },
  ),
  setting(
    'no thoughts',
    'hi',
    { model: THINKER, thinking: { type: 'disabled' } },
    { model: THINKER, reasoningEffort: 'REASONING_EFFORT_NONE' },
  ),
  setting(
    'fields that have no name here',
    'hi',
    { presence_penalty: 0.5 },
    { providerOptions: { '*': { presence_penalty: 0.5 } } },
  ),
  {
    ...setting('a model that nobody serves', 'hi', { model: 'no-such-model' }, { model: 'no-such-model' }),
    isRefused: true,
  },
  {
    ...setting('a temperature that there is not', 'hi', { temperature: 3 }, { temperature: 3 }),
    isRefused: true,
  },
]

/** What came of a call, in nobody's words. */
export type Outcome =
  | {
      readonly text: string
      readonly thoughts: string
      readonly calls: readonly (readonly [name: string, args: string])[]
      readonly stop: string
      readonly model: string
      /** Input that no cache had a part in, cached input, output, thoughts. */
      readonly tokens: readonly [number, number, number, number]
    }
  | { readonly reason: string }
