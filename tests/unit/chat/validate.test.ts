// Every rule of a chat request: what passes at the limit, what is refused just over it, and which field the refusal names.
import { describe, expect, it } from 'vitest'
import { ToolChoice_Mode as Mode, ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { Routing_Prefer } from '#gen/exai/v1/chat_service_pb'
import { validateRequest } from '../../../src/chat/validate.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import { ask } from '../../support/request.ts'

type Over = Parameters<typeof ask>[1]

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n))
const entries = (count: number) => Object.fromEntries(many(count, n => [`key${n}`, 'x']))
const tool = { name: 'look' }
const byMode = (value: Mode) => ({ choice: { case: 'mode', value } as const })
const byName = (value: string) => ({ choice: { case: 'toolName', value } as const })
const schemaFormat = (value: { name?: string; schema?: Record<string, never> | { type: string } }) => ({
  format: { case: 'jsonSchema', value } as const,
})

function refusalOf(over: Over): GatewayError | undefined {
  try {
    validateRequest(ask('hi', over))
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  return undefined
}

const accepted: readonly (readonly [string, Over])[] = [
  ['only a model and a message', {}],
  ['a model name of 256 characters', { model: 'm'.repeat(256) }],
  ['128 tools', { tools: many(128, n => ({ name: `tool_${n}` })) }],
  ['a tool name of 64 characters', { tools: [{ name: 'A-z_9'.padEnd(64, 'x') }] }],
  ['a tool without parameters', { tools: [tool] }],
  ['tool parameters without a type', { tools: [{ ...tool, parameters: { properties: {} } }] }],
  ['a choice of a declared tool', { tools: [tool], toolChoice: byName('look') }],
  ['a tool choice of NONE without tools', { toolChoice: byMode(Mode.NONE) }],
  ['a tool choice of AUTO with tools', { tools: [tool], toolChoice: byMode(Mode.AUTO) }],
  ['an empty tool choice', { toolChoice: {} }],
  ['a format of plain text', { responseFormat: { format: { case: 'text', value: {} } } }],
  ['a format with a schema', { responseFormat: schemaFormat({ name: 'n', schema: { type: 'object' } }) }],
  ['a temperature of 0', { temperature: 0 }],
  ['a temperature of 2', { temperature: 2 }],
  ['a top_p of 1', { topP: 1 }],
  ['a top_p just above 0', { topP: 1e-9 }],
  ['one output token', { maxOutputTokens: 1 }],
  ['16 stop texts of 256 characters', { stop: many(16, () => 's'.repeat(256)) }],
  ['a seed of 0', { seed: 0n }],
  ['every effort', { reasoningEffort: ReasoningEffort.MAX }],
  ['1 search result', { webSearch: { maxResults: 1 } }],
  ['50 search results', { webSearch: { maxResults: 50 } }],
  ['an idempotency key of 255 characters', { idempotencyKey: 'k'.repeat(255) }],
  ['a resume window of a nanosecond', { resumeWindow: { nanos: 1 } }],
  ['a resume window of 10 minutes, under strict', { strict: true, resumeWindow: { seconds: 600n } }],
  ['a longer resume window, which is clamped', { resumeWindow: { seconds: 601n } }],
  ['a resume window of nothing', { resumeWindow: { seconds: 0n, nanos: 0 } }],
  ['a user of 256 characters', { user: 'u'.repeat(256) }],
  ['16 labels at their full lengths', { metadata: { ...entries(15), ['k'.repeat(64)]: 'v'.repeat(512) } }],
  ['64 allowed names', { routing: { allow: many(64, n => `m${n}`) } }],
  ['a preference', { routing: { prefer: Routing_Prefer.QUALITY } }],
  [
    'options with a schema that has a field of ids',
    {
      providerOptions: { '*': { tools: [{ parameters: { properties: { file_id: { type: 'string' } } } }] } },
    },
  ],
  ['options of 16 providers', { providerOptions: Object.fromEntries(many(16, n => [`p${n}`, {}])) }],
]

const refused: readonly (readonly [string, Over, string])[] = [
  ['no model', { model: '' }, 'model is required: a model id, provider/id, an alias, or auto'],
  ['a longer model', { model: 'm'.repeat(257) }, 'model takes at most 256 characters, and got 257'],
  ['no messages', { messages: [] }, 'messages needs at least one message'],
  ['129 tools', { tools: many(129, n => ({ name: `t${n}` })) }, 'tools takes at most 128 tools, and got 129'],
  ['a nameless tool', { tools: [tool, {}] }, 'tools[1].name must be 1 to 64 of A-Z a-z 0-9 _ -'],
  [
    'a tool name with a dot',
    { tools: [{ name: 'a.b' }] },
    'tools[0].name must be 1 to 64 of A-Z a-z 0-9 _ -',
  ],
  [
    '65 characters',
    { tools: [{ name: 'x'.repeat(65) }] },
    'tools[0].name must be 1 to 64 of A-Z a-z 0-9 _ -',
  ],
  [
    'a name with a line break',
    { tools: [{ name: 'a\n' }] },
    'tools[0].name must be 1 to 64 of A-Z a-z 0-9 _ -',
  ],
  ['one name twice', { tools: [tool, tool] }, 'tools[1].name "look" is used twice'],
  [
    'parameters of another type',
    { tools: [{ ...tool, parameters: { type: 'array' } }] },
    'tools[0].parameters must be a schema of type object',
  ],
  [
    'parameters that are no schema',
    { tools: [{ ...tool, parameters: { type: 'object', properties: { x: { type: 'strin' } } } }] },
    'tools[0].parameters at /properties/x has the type "strin", which is none of string number integer boolean object array null',
  ],
  [
    'a tool that is not there',
    { tools: [tool], toolChoice: byName('find') },
    'tool_choice names "find", which is not among tools',
  ],
  [
    'a long tool that is not there',
    { toolChoice: byName('x'.repeat(65)) },
    `tool_choice names "${'x'.repeat(64)}…", which is not among tools`,
  ],
  [
    'REQUIRED without tools',
    { toolChoice: byMode(Mode.REQUIRED) },
    'tool_choice needs tools, unless its mode is MODE_NONE',
  ],
  [
    'AUTO without tools',
    { toolChoice: byMode(Mode.AUTO) },
    'tool_choice needs tools, unless its mode is MODE_NONE',
  ],
  ['an unknown mode', { tools: [tool], toolChoice: byMode(9 as Mode) }, 'tool_choice has no value 9'],
  [
    'a nameless schema',
    { responseFormat: schemaFormat({ schema: {} }) },
    'response_format.json_schema.name must be 1 to 64 of A-Z a-z 0-9 _ -',
  ],
  [
    'no schema',
    { responseFormat: schemaFormat({ name: 'n' }) },
    'response_format.json_schema.schema is required',
  ],
  [
    'a schema that is none',
    { responseFormat: schemaFormat({ name: 'n', schema: { type: 'text' } }) },
    'response_format.json_schema.schema has the type "text", which is none of string number integer boolean object array null',
  ],
  ['a negative temperature', { temperature: -0.01 }, 'temperature must be 0 to 2'],
  ['too high a temperature', { temperature: 2.01 }, 'temperature must be 0 to 2'],
  ['a temperature that is no number', { temperature: Number.NaN }, 'temperature must be 0 to 2'],
  ['a top_p of 0', { topP: 0 }, 'top_p must be above 0 and at most 1'],
  ['a top_p over 1', { topP: 1.01 }, 'top_p must be above 0 and at most 1'],
  ['a top_p that is no number', { topP: Number.NaN }, 'top_p must be above 0 and at most 1'],
  ['no output tokens', { maxOutputTokens: 0 }, 'max_output_tokens must be at least 1'],
  ['17 stop texts', { stop: many(17, () => 's') }, 'stop takes at most 16 texts, and got 17'],
  ['an empty stop text', { stop: ['a', ''] }, 'stop takes texts of 1 to 256 characters'],
  ['a long stop text', { stop: ['s'.repeat(257)] }, 'stop takes texts of 1 to 256 characters'],
  ['an unknown effort', { reasoningEffort: 8 as ReasoningEffort }, 'reasoning_effort has no value 8'],
  ['0 search results', { webSearch: { maxResults: 0 } }, 'web_search.max_results must be 1 to 50'],
  ['51 search results', { webSearch: { maxResults: 51 } }, 'web_search.max_results must be 1 to 50'],
  ['a key with a space', { idempotencyKey: 'a b' }, 'idempotency_key takes visible ASCII characters only'],
  ['a key beyond ASCII', { idempotencyKey: 'ü' }, 'idempotency_key takes visible ASCII characters only'],
  [
    'a key of 256 characters',
    { idempotencyKey: 'k'.repeat(256) },
    'idempotency_key takes at most 255 characters, and got 256',
  ],
  ['negative seconds', { resumeWindow: { seconds: -1n } }, 'resume_window must not be negative'],
  ['negative nanos', { resumeWindow: { nanos: -1 } }, 'resume_window must not be negative'],
  ['a long user', { user: 'u'.repeat(257) }, 'user takes at most 256 characters, and got 257'],
  [
    'a long cache key',
    { promptCacheKey: 'c'.repeat(257) },
    'prompt_cache_key takes at most 256 characters, and got 257',
  ],
  ['a long tier', { serviceTier: 't'.repeat(257) }, 'service_tier takes at most 256 characters, and got 257'],
  ['17 labels', { metadata: entries(17) }, 'metadata takes at most 16 entries, and got 17'],
  ['a long label', { metadata: { ['k'.repeat(65)]: '' } }, 'metadata has a key longer than 64 characters'],
  ['a long value', { metadata: { k: 'v'.repeat(513) } }, 'metadata has a value longer than 512 characters'],
  [
    '65 allowed names',
    { routing: { allow: many(65, n => `m${n}`) } },
    'routing.allow takes at most 64 names, and got 65',
  ],
  ['an empty denied name', { routing: { deny: [''] } }, 'routing.deny takes names of 1 to 256 characters'],
  [
    'a long fallback',
    { routing: { fallbackModels: ['f'.repeat(257)] } },
    'routing.fallback_models takes names of 1 to 256 characters',
  ],
  ['an unknown preference', { routing: { prefer: 4 as Routing_Prefer } }, 'routing.prefer has no value 4'],
  [
    'a negative ceiling',
    { routing: { maxCostNanoUsd: -1n } },
    'routing.max_cost_nano_usd must not be negative',
  ],
  [
    'options of 17 providers',
    { providerOptions: Object.fromEntries(many(17, n => [`p${n}`, {}])) },
    'provider_options takes at most 16 providers, and got 17',
  ],
  [
    'another model in the options',
    { providerOptions: { openai: { model: 'gpt-5.5-pro' } } },
    'provider_options.openai.model is not taken: set model itself',
  ],
  ...['models', 'route', 'fallbacks'].map((name): [string, Over, string] => [
    `other models in the options, as ${name}`,
    { providerOptions: { '*': { [name]: 'openai/gpt-5.5-pro' } } },
    `provider_options.*.${name} is not taken: set routing.fallback_models`,
  ]),
  ...['previous_response_id', 'conversation'].map((name): [string, Over, string] => [
    `a conversation that the provider keeps, as ${name}`,
    { providerOptions: { '*': { [name]: 'resp_1' } } },
    `provider_options.*.${name} is not taken: an account keeps those of all tenants, so set conversation_id`,
  ]),
  ...['api_base', 'base_url', 'api_key', 'extra_headers', 'extra_query'].map(
    (name): [string, Over, string] => [
      `another host in the options, as ${name}`,
      { providerOptions: { litellm: { [name]: 'x' } } },
      `provider_options.litellm.${name} is not taken: where and how a provider is asked stands in the configuration`,
    ],
  ),
  ...(
    [
      [
        { kimi: { messages: [{ content: [{ image_url: { url: 'ms://file1' } }] }] } },
        'kimi.messages[0].content[0].image_url.url',
      ],
      [{ '*': { video: 'MM_FILE://1' } }, '*.video'],
      [{ openai: { input: [{ content: [{ file_id: 'file-1' }] }] } }, 'openai.input[0].content[0].file_id'],
      [
        { openai: { tools: [{ container: { file_ids: ['file-1'] } }] } },
        'openai.tools[0].container.file_ids',
      ],
      [
        { openai: { tools: [{ type: 'code_interpreter', container: 'cntr_1' }] } },
        'openai.tools[0].container',
      ],
    ] as const
  ).map(([providerOptions, place]): [string, Over, string] => [
    `a file of the provider's at ${place}`,
    { providerOptions: structuredClone(providerOptions) as never },
    `provider_options.${place} names a file at the provider: name one of yours in a message`,
  ]),
]

describe('a request', () => {
  it.each(accepted)('passes with %s', (_, over) => {
    expect(refusalOf(over)).toBeUndefined()
  })

  it.each(refused)('is refused with %s', (_, over, message) => {
    const refusal = refusalOf(over)
    expect(refusal?.message).toBe(message)
    expect(refusal?.reason).toBe('INVALID_REQUEST')
  })

  it('with a resume window that would be clamped is refused under strict', () => {
    const refusal = refusalOf({ strict: true, resumeWindow: { seconds: 600n, nanos: 1 } })
    expect(refusal?.reason).toBe('UNSUPPORTED')
    expect(refusal?.message).toBe('resume_window: 600 s is the longest')
  })
})
