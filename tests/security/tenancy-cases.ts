// For every RPC: what a stranger asks with the ids of another tenant, and how it must be answered.

/** What a tenant owns, by the id of each. */
export interface Owned {
  readonly tenant: string
  readonly file: string
  readonly conversation: string
  /** Of a stream that is still running. */
  readonly stream: string
  /** Of a call that is done. */
  readonly response: string
  readonly request: string
  readonly key: string
  readonly idempotencyKey: string
}

/** The name of something that is owned. */
export type Thing = keyof Owned

/** One question to a method. */
export type Probe =
  /** Asks with an id: the stranger must get exactly what it gets for an id that never was, with this code. */
  | {
      readonly kind: 'id'
      readonly of: Thing
      readonly code: Code
      readonly message: (id: string) => unknown
    }
  /** Asks for what is there: the answer must show nothing of the owner, but the stranger's own, where `own` says so. */
  | { readonly kind: 'view'; readonly own?: Thing; readonly message: (owner: Owned) => unknown }

/** How a question with a foreign id ends; `any`: well or not, as long as it is no different from a missing id. */
export type Code = 'not_found' | 'permission_denied' | 'any'

const id = (of: Thing, message: (id: string) => unknown, code: Code = 'not_found'): Probe => ({
  kind: 'id',
  of,
  code,
  message,
})
const view = (message: (owner: Owned) => unknown = () => ({}), own?: Thing): Probe => ({
  kind: 'view',
  message,
  ...(own === undefined ? {} : { own }),
})

/** A chat, which the sandbox answers. */
export const chat = (more: object = {}, content: object = { text: 'what do you know?' }): object => ({
  model: 'sandbox',
  messages: [{ role: 'ROLE_USER', content: [content] }],
  ...more,
})

const withFile = (fileId: string): object => chat({}, { media: { mimeType: 'text/plain', fileId } })

/** What all methods that take a chat are asked. */
const chats: readonly Probe[] = [
  id('conversation', conversationId => chat({ conversationId })),
  id('file', withFile),
]

const filters = ({ tenant, key }: Owned): object => ({ tenant, keyIds: [key] })

/** Every RPC by its full name. Whoever adds one adds what a stranger may try with it. */
export const CASES: Readonly<Record<string, readonly Probe[]>> = {
  'exai.v1.ChatService/Complete': [...chats, view(({ idempotencyKey }) => chat({ idempotencyKey }))],
  'exai.v1.ChatService/StreamComplete': [...chats, view(({ idempotencyKey }) => chat({ idempotencyKey }))],
  'exai.v1.ChatService/ResumeStream': [
    id('stream', responseId => ({ responseId })),
    id('response', responseId => ({ responseId })),
  ],
  'exai.v1.ChatService/CancelStream': [
    id('stream', responseId => ({ responseId }), 'any'),
    id('response', responseId => ({ responseId }), 'any'),
  ],
  'exai.v1.ChatService/ExplainRoute': chats,
  'exai.v1.ChatService/CountTokens': chats,
  'exai.v1.ChatService/ListModels': [view()],
  'exai.v1.ChatService/ListConversations': [view(() => ({ pageSize: 500 }), 'conversation')],
  'exai.v1.ChatService/GetConversation': [id('conversation', conversationId => ({ conversationId }))],
  'exai.v1.ChatService/DeleteConversation': [id('conversation', conversationId => ({ conversationId }))],
  'exai.v1.FilesService/UploadFile': [view(() => ({ header: { filename: 'same.txt' } }))],
  'exai.v1.FilesService/CreateFile': [view(() => ({ filename: 'same.txt', content: 'AAAA' }))],
  'exai.v1.FilesService/GetFile': [id('file', fileId => ({ fileId }))],
  'exai.v1.FilesService/ListFiles': [
    view(() => ({ pageSize: 500 }), 'file'),
    view(({ tenant }) => ({ filenameContains: tenant })),
    view(({ tenant }) => ({ metadata: { owner: tenant } })),
  ],
  'exai.v1.FilesService/DownloadFile': [id('file', fileId => ({ fileId }))],
  'exai.v1.FilesService/DeleteFile': [id('file', fileId => ({ fileId }))],
  'exai.v1.MonitoringService/GetStatus': [view()],
  'exai.v1.MonitoringService/WatchStatus': [view()],
  'exai.v1.MonitoringService/WatchEvents': [view(), id('tenant', tenant => ({ tenant }), 'any')],
  'exai.v1.MonitoringService/GetUsage': [
    view(),
    view(filters),
    id('tenant', tenant => ({ tenant }), 'any'),
    id('key', key => ({ keyIds: [key] }), 'any'),
  ],
  'exai.v1.MonitoringService/ListRequests': [
    view(),
    view(filters),
    id('tenant', tenant => ({ tenant }), 'any'),
    id('key', key => ({ keyIds: [key] }), 'any'),
    id('request', requestId => ({ requestId }), 'any'),
    id('response', responseId => ({ responseId }), 'any'),
    id('conversation', conversationId => ({ conversationId }), 'any'),
  ],
  'exai.v1.MonitoringService/SetCircuit': [
    id(
      'tenant',
      reason => ({ provider: 'sandbox', model: 'sandbox', reason, action: 'ACTION_OPEN' }),
      'permission_denied',
    ),
  ],
  'exai.v1.AccessService/CreateKey': [
    id('tenant', tenant => ({ label: 'x', tenant, scopes: ['SCOPE_CHAT'] }), 'permission_denied'),
  ],
  'exai.v1.AccessService/ListKeys': [id('tenant', tenant => ({ tenant }), 'permission_denied'), view()],
  'exai.v1.AccessService/RotateKey': [id('key', keyId => ({ keyId }), 'permission_denied')],
  'exai.v1.AccessService/RevokeKey': [id('key', keyId => ({ keyId }), 'permission_denied')],
  'exai.v1.EmbeddingsService/Embed': [view(() => ({ model: 'sandbox', inputs: ['x'] }))],
  'grpc.health.v1.Health/Check': [view(), id('tenant', service => ({ service }))],
  'grpc.health.v1.Health/List': [view()],
  'grpc.health.v1.Health/Watch': [view()],
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo': [view(() => ({ listServices: '' }))],
  'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': [view(() => ({ listServices: '' }))],
}

/** An id of the same shape and length that nobody has. */
export function missing(known: string): string {
  return known.slice(0, -8) + (known.endsWith('0123beef') ? '3210feed' : '0123beef')
}
