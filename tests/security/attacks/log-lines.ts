// Texts that would forge or garble a line of the log, in whatever of a call comes near it.
import { ask, bearable } from '../asking.ts'
import { type Attack, insidesIn } from '../attack.ts'
import { claims, hmac, tokenOf } from '../credentials.ts'
import type { Field } from '../wire.ts'
import { CHAT, isForAdmins, type Place } from './injection.ts'

/** What a terminal or a reader of logs would obey. */
const CONTROLS: readonly string[] = [
  'x\r\n{"level":"info","msg":"forged"}',
  'x\n\n{"msg":"forged","tenant":"default"}\n',
  '\u001b[2J\u001b[31mforged',
  '\u001b]0;forged\u0007',
  '\u009b31mforged',
  '\u202eforged\u202c',
  '\u2066forged\u2069',
  'forged\u2028"msg":"forged"',
  'x","msg":"forged","y":"',
  '%0d%0a{"msg":"forged"}',
  '\\r\\n{"msg":"forged"}',
  `forged${'\u0301'.repeat(1_000)}`,
  '\u0000forged',
  '\u007f\u0008\u0008forged',
  `forged${'x'.repeat(100_000)}`,
]

const logged: readonly Place[] = [
  ['the model', 'ChatService/Complete', text => ({ ...CHAT, model: text })],
  ['the model behind a provider', 'ChatService/Complete', text => ({ ...CHAT, model: `openai/${text}` })],
  ['the provider of the model', 'ChatService/StreamComplete', text => ({ ...CHAT, model: `${text}/x` })],
  ['the user', 'ChatService/Complete', text => ({ ...CHAT, user: text })],
  [
    'the prompt',
    'ChatService/Complete',
    text => ({ ...CHAT, messages: [{ role: 'ROLE_USER', content: [{ text }] }] }),
  ],
  ['the conversation', 'ChatService/GetConversation', text => ({ conversationId: text })],
  [
    'the name of a file',
    'FilesService/CreateFile',
    text => ({ filename: text, content: 'AAAA', purpose: text }),
  ],
  [
    'the label of a key',
    'AccessService/CreateKey',
    text => ({ label: text, tenant: 'mallory', scopes: ['SCOPE_CHAT'], ttl: '60s' }),
  ],
  [
    'the tenant of a key',
    'AccessService/CreateKey',
    text => ({ label: 'x', tenant: text, scopes: ['SCOPE_CHAT'] }),
  ],
  ['the id of a key', 'AccessService/RevokeKey', text => ({ keyId: text })],
  [
    'the reason for a switched circuit',
    'MonitoringService/SetCircuit',
    text => ({ provider: 'openai', model: 'test-model-2', reason: text, action: 'ACTION_CLOSE' }),
  ],
  [
    'the provider of a switched circuit',
    'MonitoringService/SetCircuit',
    text => ({ provider: text, model: text, reason: text, action: 'ACTION_CLOSE' }),
  ],
]

/** Whether the log is still whole is seen at the end, over all lines. */
const forgeries: readonly Attack[] = logged.map(([field, method, message]) => ({
  topic: 'lines of the log',
  name: `${field} in ${method} holds ${CONTROLS.length} texts that would forge a line`,
  run: async stage => {
    const pass: readonly Field[] = isForAdmins(method)
      ? [['x-api-key', stage.keys.admin.secret]]
      : stage.guarded.pass
    const found = await Promise.all(
      CONTROLS.map(text => ask(stage.guarded, method, message(text), { fields: pass })),
    )
    return found.flatMap(bearable)
  },
}))

const inFields: readonly Attack[] = [
  'x-request-id',
  'user-agent',
  'content-type',
  'connect-timeout-ms',
  'grpc-timeout',
  'x-forwarded-for',
  'referer',
].map(name => ({
  topic: 'lines of the log',
  name: `${name} holds texts that would forge a line`,
  run: async ({ open, guarded }) => {
    const texts = CONTROLS.filter(
      text => text.length < 10_000 && !['\u0000', '\r', '\n'].some(end => text.includes(end)),
    ).map(text => Buffer.from(text).toString('latin1'))
    const found = await Promise.all(
      [open, guarded].flatMap(target =>
        texts.map(text =>
          ask(target, 'ChatService/ListModels', {}, { fields: [...target.pass, [name, text]] }),
        ),
      ),
    )
    const echoed = found.filter(({ headers }) => /forged/.test(headers['x-request-id'] ?? ''))
    return [
      ...found.flatMap(answer => (answer.status === 0 ? [] : insidesIn(answer))),
      ...echoed.map(() => 'it came back as the id of the call'),
    ]
  },
}))

const inPaths: readonly Attack[] = [
  {
    topic: 'lines of the log',
    name: 'paths hold texts that would forge a line or run in a page',
    run: async ({ open, guarded }) => {
      const texts = [
        '/%0d%0a%7b%22msg%22:%22forged%22%7d',
        '/\u001b[31mforged',
        '/<script>alert(1)</script>',
        '/exai.v1.ChatService/\u009bforged',
        '/"><img src=x onerror=alert(1)>',
      ]
      const found = await Promise.all(
        [open, guarded].flatMap(({ wire }) => texts.map(path => wire.h1({ method: 'GET', path }))),
      )
      const unsafe = found.filter(({ headers }) => /html/.test(headers['content-type'] ?? ''))
      return [...found.flatMap(insidesIn), ...unsafe.map(() => 'it is answered as a page')]
    },
  },
  {
    topic: 'lines of the log',
    name: 'claims of a good token hold texts that would forge a line',
    run: async stage => {
      const found = await Promise.all(
        CONTROLS.filter(text => text.length < 256).map(sub => {
          const token = tokenOf(
            { alg: 'HS256' },
            claims({ sub, tenant_id: undefined }),
            hmac(stage.jwtSecret),
          )
          return ask(
            stage.guarded,
            'ChatService/ListModels',
            {},
            { fields: [['authorization', `Bearer ${token}`]] },
          )
        }),
      )
      return found.flatMap(bearable)
    },
  },
]

/** All of them. */
export const logLineAttacks: readonly Attack[] = [...forgeries, ...inFields, ...inPaths]
