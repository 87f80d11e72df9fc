// The table of what each method and page needs: there is no other place where that is decided.
import { type Caller, hasScope, type Scope } from '../core/caller.ts'
import { GatewayError } from '../core/errors.ts'

/** What a method needs: a scope, any credential that is accepted, or nothing. */
export type Need = Scope | 'any' | 'open'

/** Every RPC. Whoever adds one adds a row. */
export const METHOD_NEEDS: Readonly<Record<string, Need>> = {
  'exai.v1.ChatService/Complete': 'chat',
  'exai.v1.ChatService/StreamComplete': 'chat',
  'exai.v1.ChatService/ResumeStream': 'chat',
  'exai.v1.ChatService/CancelStream': 'chat',
  'exai.v1.ChatService/ExplainRoute': 'chat',
  'exai.v1.ChatService/CountTokens': 'chat',
  'exai.v1.ChatService/ListModels': 'chat',
  'exai.v1.ChatService/ListConversations': 'chat',
  'exai.v1.ChatService/GetConversation': 'chat',
  'exai.v1.ChatService/DeleteConversation': 'chat',
  'exai.v1.FilesService/UploadFile': 'files',
  'exai.v1.FilesService/CreateFile': 'files',
  'exai.v1.FilesService/GetFile': 'files',
  'exai.v1.FilesService/ListFiles': 'files',
  'exai.v1.FilesService/DownloadFile': 'files',
  'exai.v1.FilesService/DeleteFile': 'files',
  'exai.v1.MonitoringService/GetStatus': 'monitoring',
  'exai.v1.MonitoringService/WatchStatus': 'monitoring',
  'exai.v1.MonitoringService/WatchEvents': 'monitoring',
  'exai.v1.MonitoringService/GetUsage': 'monitoring',
  'exai.v1.MonitoringService/ListRequests': 'monitoring',
  'exai.v1.MonitoringService/SetCircuit': 'admin',
  'exai.v1.AccessService/CreateKey': 'admin',
  'exai.v1.AccessService/ListKeys': 'admin',
  'exai.v1.AccessService/RotateKey': 'admin',
  'exai.v1.AccessService/RevokeKey': 'admin',
  'exai.v1.EmbeddingsService/Embed': 'chat',
  'grpc.health.v1.Health/Check': 'open',
  'grpc.health.v1.Health/List': 'open',
  'grpc.health.v1.Health/Watch': 'open',
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo': 'any',
  'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': 'any',
}

/** Every plain page. `/metrics` is open to this machine as well, and to everybody with METRICS_PUBLIC. */
export const PAGE_NEEDS: Readonly<Record<string, Need>> = {
  '/': 'open',
  '/health': 'open',
  '/health/live': 'open',
  '/health/ready': 'open',
  '/metrics': 'monitoring',
}

/** What a door calls a method that is not there. */
const UNKNOWN = 'unknown'

/** What a method, or the page at a path, needs. One that is in no table needs the most there is, and one that does not exist a credential. */
export function needOf(method: string): Need {
  const table = method.startsWith('/') ? PAGE_NEEDS : METHOD_NEEDS
  if (Object.hasOwn(table, method)) return table[method] ?? 'admin'
  return method === UNKNOWN ? 'any' : 'admin'
}

/** Throws PERMISSION_DENIED unless the caller may call the method, or see the page. */
export function authorize(caller: Caller, method: string): void {
  const need = needOf(method)
  if (need === 'open' || need === 'any' || hasScope(caller, need)) return
  throw new GatewayError('PERMISSION_DENIED', `${method} needs the scope ${need}`)
}
