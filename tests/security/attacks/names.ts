// Keys that mean something to JavaScript itself, in every place where a caller may name something.
import { ask, bearable, jsonOf } from '../asking.ts'
import { type Attack, insidesIn, unless } from '../attack.ts'
import { HONEST_MODEL, type Stage } from '../stage.ts'

const TOPIC = 'names of the engine'

const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '__defineGetter__',
  'valueOf',
] as const
const CHAT = { model: HONEST_MODEL, messages: [{ role: 'ROLE_USER', content: [{ text: 'x' }] }] }

/** An object with that key as one of its own, as JSON makes it. */
const keyed = (key: string, value: unknown): unknown =>
  JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(value)}}`)
const evil = { polluted: 'yes', model: 'sandbox', isAdmin: true, scopes: ['admin'], toString: 'x' }

const places: readonly (readonly [place: string, method: string, message: (key: string) => unknown])[] = [
  ['the message itself', 'ChatService/Complete', key => ({ ...CHAT, ...Object(keyed(key, evil)) })],
  ['metadata', 'ChatService/Complete', key => ({ ...CHAT, metadata: keyed(key, 'polluted') })],
  ['provider_options', 'ChatService/Complete', key => ({ ...CHAT, providerOptions: keyed(key, evil) })],
  [
    'the options of a provider',
    'ChatService/Complete',
    key => ({ ...CHAT, providerOptions: { '*': keyed(key, evil) } }),
  ],
  [
    'options deep inside',
    'ChatService/Complete',
    key => ({ ...CHAT, providerOptions: { openai: { a: [{ b: keyed(key, evil) }] } } }),
  ],
  [
    'the schema of a tool',
    'ChatService/Complete',
    key => ({
      ...CHAT,
      tools: [{ name: 'a', parameters: { type: 'object', properties: keyed(key, { type: 'string' }) } }],
    }),
  ],
  [
    'the schema of the answer',
    'ChatService/Complete',
    key => ({
      ...CHAT,
      model: 'sandbox',
      responseFormat: {
        jsonSchema: {
          name: 'a',
          schema: { type: 'object', properties: keyed(key, { type: 'string' }), required: [key] },
        },
      },
    }),
  ],
  [
    'a reference inside a schema',
    'ChatService/Complete',
    key => ({
      ...CHAT,
      model: 'sandbox',
      responseFormat: { jsonSchema: { name: 'a', schema: { $ref: `#/${key}` } } },
    }),
  ],
  [
    'the name of a tool',
    'ChatService/Complete',
    key => ({
      ...CHAT,
      model: 'sandbox',
      tools: [{ name: key, parameters: { type: 'object' } }],
      toolChoice: { toolName: key },
    }),
  ],
  [
    'the arguments of a tool call',
    'ChatService/Complete',
    key => ({
      ...CHAT,
      messages: [
        {
          role: 'ROLE_ASSISTANT',
          content: [{ toolCall: { callId: key, name: key, arguments: JSON.stringify(keyed(key, evil)) } }],
        },
        { role: 'ROLE_TOOL', content: [{ toolResult: { callId: key, content: [{ text: 'x' }] } }] },
      ],
    }),
  ],
  ['the model', 'ChatService/Complete', key => ({ ...CHAT, model: key })],
  ['the provider in a model', 'ChatService/Complete', key => ({ ...CHAT, model: `${key}/${key}` })],
  [
    'allowed and denied models',
    'ChatService/ExplainRoute',
    key => ({
      ...CHAT,
      model: 'auto',
      routing: { allow: [key, HONEST_MODEL], deny: [key], fallbackModels: [key] },
    }),
  ],
  ['the idempotency key', 'ChatService/Complete', key => ({ ...CHAT, idempotencyKey: key })],
  [
    'user, service_tier and prompt_cache_key',
    'ChatService/Complete',
    key => ({ ...CHAT, user: key, serviceTier: key, promptCacheKey: key }),
  ],
  [
    'the type of media',
    'ChatService/Complete',
    key => ({
      ...CHAT,
      messages: [
        {
          role: 'ROLE_USER',
          content: [
            {
              media: { mimeType: `image/${key}`, url: `data:${key};base64,AAAA`, filename: key, detail: key },
            },
          ],
        },
      ],
    }),
  ],
  [
    'the provider of a reasoning',
    'ChatService/Complete',
    key => ({
      ...CHAT,
      messages: [
        { role: 'ROLE_ASSISTANT', content: [{ reasoning: { text: 'x', provider: key, model: key } }] },
        ...CHAT.messages,
      ],
    }),
  ],
  ['the provider of a list of models', 'ChatService/ListModels', key => ({ provider: key })],
  [
    'the metadata of a file',
    'FilesService/CreateFile',
    key => ({ filename: key, content: 'AAAA', purpose: key, metadata: keyed(key, 'polluted') }),
  ],
  [
    'the filters of a list of files',
    'FilesService/ListFiles',
    key => ({ filenameContains: key, purpose: key, mimeType: key, metadata: keyed(key, 'polluted') }),
  ],
  [
    'the filters of usage',
    'MonitoringService/GetUsage',
    key => ({ models: [key], providers: [key], keyIds: [key], tenant: key }),
  ],
  [
    'the circuit of a provider',
    'MonitoringService/SetCircuit',
    key => ({ provider: key, model: key, action: 'ACTION_OPEN' }),
  ],
  ['the label and tenant of an API key', 'AccessService/ListKeys', key => ({ tenant: key })],
  [
    'the policy of an API key',
    'AccessService/CreateKey',
    key => ({
      label: key,
      scopes: ['SCOPE_CHAT'],
      policy: { allowedModels: [key], deniedTools: [key] },
      limits: [{ kind: 'KIND_TOKENS_PER_MINUTE', value: '1', model: key }],
    }),
  ],
  [
    'the model of embeddings',
    'EmbeddingsService/Embed',
    key => ({ model: key, inputs: ['x'], providerOptions: keyed(key, evil) }),
  ],
]

/** What would be otherwise if a prototype had been changed: an empty message still lacks what it lacks. */
async function isUnchanged({ guarded }: Stage): Promise<readonly string[]> {
  const empty = await ask(guarded, 'ChatService/Complete', {})
  const { message } = jsonOf(empty)
  return [
    ...insidesIn(empty),
    ...unless(empty.status === 400 && String(message).startsWith('model is required'), empty),
  ]
}

const inMessages: readonly Attack[] = places.map(([place, method, message]) => ({
  topic: TOPIC,
  name: `${place} is one of ${KEYS.length} names such as ${KEYS[0]}`,
  run: async stage => {
    const { guarded, keys } = stage
    const pass =
      method.startsWith('Access') || method.endsWith('SetCircuit')
        ? ([['x-api-key', keys.admin.secret]] as const)
        : guarded.pass
    const found = await Promise.all(
      KEYS.map(async (key, at) => {
        const answer = await ask(guarded, method, message(key), { fields: pass, http: at % 2 === 0 ? 1 : 2 })
        const isPolluted = /"polluted":"yes"|"isAdmin"/.test(answer.body)
        return [...bearable(answer), ...(isPolluted ? ['what was planted came back'] : [])].map(
          problem => `${key}: ${problem}`,
        )
      }),
    )
    return [...found.flat(), ...(await isUnchanged(stage))]
  },
}))

const inHeads: readonly Attack[] = [
  {
    topic: TOPIC,
    name: 'fields of the header and parameters of the query have such names',
    run: async stage => {
      const found = await Promise.all(
        KEYS.map(async key => {
          const path = `/exai.v1.ChatService/ListModels?${key}=1&${key}[polluted]=yes`
          const answer = await stage.guarded.wire.h1({
            path,
            fields: [
              ...stage.guarded.pass,
              ['content-type', 'application/json'],
              [key, 'yes'],
              [`${key}-bin`, 'AAAA'],
            ],
            body: '{}',
          })
          return bearable(answer)
        }),
      )
      return [...found.flat(), ...(await isUnchanged(stage))]
    },
  },
  {
    topic: TOPIC,
    name: 'pages and services have such names',
    run: async ({ guarded, open }) => {
      const found = await Promise.all(
        KEYS.flatMap(key => [
          ...[guarded, open].map(({ wire }) => wire.h1({ method: 'GET', path: `/${key}` })),
          ask(guarded, `ChatService/${key}`, {}),
          guarded.wire.h1({
            path: `/${key}/${key}`,
            fields: [...guarded.pass, ['content-type', 'application/json']],
            body: '{}',
          }),
        ]),
      )
      return found.flatMap(answer => [
        ...insidesIn(answer),
        ...unless(answer.status >= 400 && answer.status < 500, answer),
      ])
    },
  },
  {
    topic: TOPIC,
    name: 'the health of such names is asked for',
    run: async ({ guarded, open }) => {
      const found = await Promise.all(
        KEYS.flatMap(service =>
          [guarded, open].map(({ wire }) =>
            wire.h1({
              path: '/grpc.health.v1.Health/Check',
              fields: [['content-type', 'application/json']],
              body: JSON.stringify({ service }),
            }),
          ),
        ),
      )
      return found.flatMap(answer => [...insidesIn(answer), ...unless(answer.status === 404, answer)])
    },
  },
]

/** All of them. */
export const nameAttacks: readonly Attack[] = [...inMessages, ...inHeads]
