// Words of query languages in every text field that a caller can fill.
import { ask, bearable, jsonOf } from '../asking.ts'
import { type Attack, unless } from '../attack.ts'
import { claims, hmac, tokenOf } from '../credentials.ts'
import { HONEST_MODEL, type Stage } from '../stage.ts'

/** Words of SQL, of PostgREST's filters, of LIKE and of JSON paths. */
const QUERIES: readonly string[] = [
  "' OR '1'='1",
  "'; DROP TABLE files; --",
  "x' UNION SELECT hash, tenant, label FROM api_keys --",
  "\\'; SELECT 1; --",
  '" OR ""="',
  '1); DELETE FROM api_keys WHERE (1=1',
  "'||(SELECT hex(hash) FROM api_keys LIMIT 1)||'",
  'x,tenant_id.neq.x',
  'x)&select=*&tenant_id=neq.x',
  'eq.x&or=(tenant_id.neq.x)',
  '*),or(tenant_id.not.is.null',
  'in.(mallory,default)',
  '%',
  '_',
  '*',
  '***=.*',
  '(?:)|.*',
  '$..*',
  '{"$ne":null}',
  '{{7*7}}',
  '../../../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  'file_*',
  '\u0000',
  '\u02bc OR 1=1',
]

/** A good chat. */
export const CHAT = { model: HONEST_MODEL, messages: [{ role: 'ROLE_USER', content: [{ text: 'x' }] }] }

/** A field, the method that takes it, and a message with a text in that field. */
export type Place = readonly [field: string, method: string, message: (text: string) => unknown]

/** A page token as the service makes them cannot be guessed, but its second half can be anything. */
const tokenWith = (text: string): string => Buffer.from(`AAAAAAAA${text}`).toString('base64url')

const places: readonly Place[] = [
  ['file_id', 'FilesService/GetFile', text => ({ fileId: text })],
  ['file_id behind its prefix', 'FilesService/GetFile', text => ({ fileId: `file_${text}` })],
  ['file_id', 'FilesService/DeleteFile', text => ({ fileId: text })],
  ['page_token', 'FilesService/ListFiles', text => ({ pageToken: text })],
  ['page_token in its own coding', 'FilesService/ListFiles', text => ({ pageToken: tokenWith(text) })],
  ['filename_contains', 'FilesService/ListFiles', text => ({ filenameContains: text })],
  ['mime_type', 'FilesService/ListFiles', text => ({ mimeType: text })],
  ['mime_type with a star', 'FilesService/ListFiles', text => ({ mimeType: `${text}/*` })],
  ['purpose', 'FilesService/ListFiles', text => ({ purpose: text })],
  ['sha256', 'FilesService/ListFiles', text => ({ sha256: text })],
  ['metadata', 'FilesService/ListFiles', text => ({ metadata: { [text]: text } })],
  [
    'filename, mime_type, purpose and metadata',
    'FilesService/CreateFile',
    text => ({ filename: text, mimeType: text, purpose: text, metadata: { [text]: text }, content: 'AAAA' }),
  ],
  ['filename', 'FilesService/CreateFile', text => ({ filename: text, content: 'AAAA' })],
  [
    'metadata',
    'FilesService/CreateFile',
    text => ({ filename: 'a', metadata: { [text]: text }, content: 'AAAA' }),
  ],
  ['conversation_id', 'ChatService/GetConversation', text => ({ conversationId: text })],
  [
    'conversation_id behind its prefix',
    'ChatService/GetConversation',
    text => ({ conversationId: `conv_${text}` }),
  ],
  ['conversation_id', 'ChatService/DeleteConversation', text => ({ conversationId: text })],
  ['page_token', 'ChatService/ListConversations', text => ({ pageToken: text })],
  ['page_token in its own coding', 'ChatService/ListConversations', text => ({ pageToken: tokenWith(text) })],
  ['conversation_id', 'ChatService/Complete', text => ({ ...CHAT, conversationId: text })],
  ['idempotency_key', 'ChatService/Complete', text => ({ ...CHAT, idempotencyKey: text })],
  [
    'user, service_tier and prompt_cache_key',
    'ChatService/Complete',
    text => ({ ...CHAT, user: text, serviceTier: text, promptCacheKey: text }),
  ],
  ['metadata', 'ChatService/Complete', text => ({ ...CHAT, metadata: { [text.slice(0, 60)]: text } })],
  ['model', 'ChatService/Complete', text => ({ ...CHAT, model: text })],
  [
    'fallback_models',
    'ChatService/ExplainRoute',
    text => ({ ...CHAT, routing: { fallbackModels: [text], deny: [text] } }),
  ],
  [
    'the file_id of media',
    'ChatService/Complete',
    text => ({
      ...CHAT,
      messages: [{ role: 'ROLE_USER', content: [{ media: { mimeType: 'text/plain', fileId: text } }] }],
    }),
  ],
  ['response_id', 'ChatService/CancelStream', text => ({ responseId: text })],
  ['provider', 'ChatService/ListModels', text => ({ provider: text })],
  [
    'label and tenant',
    'AccessService/CreateKey',
    text => ({ label: text, tenant: text, scopes: ['SCOPE_CHAT'] }),
  ],
  [
    'label',
    'AccessService/CreateKey',
    text => ({ label: text, tenant: 'mallory', scopes: ['SCOPE_CHAT'], ttl: '60s' }),
  ],
  ['tenant', 'AccessService/ListKeys', text => ({ tenant: text })],
  ['page_token', 'AccessService/ListKeys', text => ({ pageToken: tokenWith(text) })],
  ['key_id', 'AccessService/RotateKey', text => ({ keyId: text })],
  ['key_id', 'AccessService/RevokeKey', text => ({ keyId: `key_${text}` })],
  [
    'provider, model and reason',
    'MonitoringService/SetCircuit',
    text => ({ provider: text, model: text, reason: text, action: 'ACTION_OPEN' }),
  ],
  [
    'tenant, models, providers and key_ids',
    'MonitoringService/GetUsage',
    text => ({ tenant: text, models: [text], providers: [text], keyIds: [text] }),
  ],
  ['page_token', 'MonitoringService/GetUsage', text => ({ pageToken: tokenWith(text) })],
  [
    'all texts',
    'MonitoringService/ListRequests',
    text => ({
      requestId: text,
      responseId: text,
      conversationId: text,
      tenant: text,
      keyIds: [text],
      providers: [text],
      models: [text],
      pageToken: text,
    }),
  ],
  ['model and user', 'EmbeddingsService/Embed', text => ({ model: text, inputs: ['x'], user: text })],
]

/** The fields that only an administrator fills; its own view is of all tenants. */
export const isForAdmins = (method: string): boolean =>
  method.startsWith('Access') || method.endsWith('SetCircuit')

/** A file of the honest tenant, by which it is seen that nothing of it shows and that it is still there. */
async function plant(
  stage: Stage,
): Promise<{ readonly name: string; readonly isThere: () => Promise<readonly string[]> }> {
  const name = `${stage.canary()}.txt`
  const made = await ask(stage.guarded, 'FilesService/CreateFile', { filename: name, content: 'AAAA' })
  const file = Object(jsonOf(made)['file'])
  const fileId = String(Reflect.get(file, 'id'))
  return {
    name,
    isThere: async () => {
      const found = await ask(stage.guarded, 'FilesService/GetFile', { fileId })
      return unless(found.status === 200 && found.body.includes(name), found)
    },
  }
}

const queries: readonly Attack[] = places.map(([field, method, message]) => ({
  topic: 'queries',
  name: `${field} of ${method} holds ${QUERIES.length} texts of SQL and of filters`,
  run: async stage => {
    const planted = await plant(stage)
    const secret = isForAdmins(method)
      ? stage.keys.admin.secret
      : tokenOf({ alg: 'HS256' }, claims({ scope: 'chat files monitoring' }), hmac(stage.jwtSecret))
    const found = await Promise.all(
      QUERIES.map(async text => {
        const answer = await ask(stage.guarded, method, message(text), {
          fields: [['authorization', `Bearer ${secret}`]],
        })
        const isShown =
          answer.body.includes(planted.name) || (!isForAdmins(method) && answer.body.includes('honest-ltd'))
        return [...bearable(answer), ...(isShown ? ['it shows what is another tenant’s'] : [])].map(
          problem => `${JSON.stringify(text)}: ${problem}`,
        )
      }),
    )
    return [...found.flat(), ...(await planted.isThere())]
  },
}))

/** All of them. */
export const injectionAttacks: readonly Attack[] = queries
