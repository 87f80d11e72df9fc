// Files and conversations as resources: listed page by page, files first, and read by their URI.

import type { Conversation } from '#gen/exai/v1/chat_service_pb'
import { ConversationSchema, GetConversationResponseSchema } from '#gen/exai/v1/chat_service_pb'
import type { File } from '#gen/exai/v1/file_pb'
import { GatewayError } from '../../core/errors.ts'
import type { Backend } from './backend.ts'
import { jsonOf, uriOf } from './shown.ts'

/** A resource as it is listed. */
export type ListedResource = {
  readonly uri: string
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly mimeType: string
  readonly size?: number
}

/** A page of resources. */
export type ResourcePage = {
  readonly resources: ListedResource[]
  /** Absent: there are no more. */
  readonly nextCursor?: string
}

/** What a resource says. */
export type ResourceContent = { readonly uri: string; readonly mimeType: string } & (
  | { readonly text: string }
  | { readonly blob: string }
)

/** How the URIs of resources are made. */
export const RESOURCE_TEMPLATES = [
  {
    name: 'file',
    title: 'A stored file',
    uriTemplate: 'exai://files/{file_id}',
    description: 'The bytes of a file that was uploaded, as text where it is text. At most 4 MiB.',
  },
  {
    name: 'conversation',
    title: 'A conversation',
    uriTemplate: 'exai://conversations/{conversation_id}',
    description: 'The messages of a conversation. At most 4 MiB.',
    mimeType: 'application/json',
  },
] as const

/** The most bytes of a file or of a conversation as JSON that are read as a resource. */
const READ_BYTES_MAX = 4 * 1024 * 1024

/** Resources of one page. */
const PAGE_SIZE = 50

type Kind = 'files' | 'conversations'

/** Lists the resources from a cursor on. What the caller may not see is left out, unless nothing is left. */
export async function listResources(
  backend: Backend,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<ResourcePage> {
  const [, kind = 'files', token = ''] = /^(files|conversations):(.*)$/s.exec(cursor ?? 'files:') ?? []
  if (cursor !== undefined && !/^(?:files|conversations):/.test(cursor))
    throw new GatewayError('INVALID_REQUEST', 'the cursor is damaged; begin again without one')
  if (kind === 'conversations') return conversations(backend, token, signal)
  const page = await files(backend, token, signal).catch(forbidden)
  if (page instanceof GatewayError) {
    // Only the other kind can be seen: or none, and that is said.
    return conversations(backend, '', signal).catch((error: unknown) => {
      throw forbidden(error) instanceof GatewayError ? page : error
    })
  }
  if (page.nextCursor !== undefined) return page
  const rest = await conversations(backend, '', signal).catch(forbidden)
  return rest instanceof GatewayError ? page : { ...rest, resources: [...page.resources, ...rest.resources] }
}

/** Reads a resource. FILE_NOT_FOUND, CONVERSATION_NOT_FOUND, or INVALID_REQUEST for a URI that is none of ours. */
export async function readResource(
  backend: Backend,
  uri: string,
  signal: AbortSignal,
): Promise<ResourceContent> {
  const [, kind, id = ''] = /^exai:\/\/(files|conversations)\/([^/?#]+)$/.exec(uri) ?? []
  if (kind === 'files') return readFile(backend, uri, id, signal)
  if (kind === 'conversations') {
    const conversation = await backend.getConversation({ conversationId: id }, signal)
    const text = JSON.stringify(jsonOf(GetConversationResponseSchema, conversation))
    const sizeBytes = Buffer.byteLength(text)
    if (sizeBytes > READ_BYTES_MAX)
      throw new GatewayError(
        'INVALID_REQUEST',
        `the conversation has ${sizeBytes} bytes, and at most ${READ_BYTES_MAX} are read as a resource: use ChatService.GetConversation`,
      )
    return { uri, mimeType: 'application/json', text }
  }
  throw new GatewayError(
    'INVALID_REQUEST',
    'no resource has such a URI: exai://files/ with the id of a file, or exai://conversations/ with that of a conversation',
  )
}

/** Gives a refusal for want of a scope back, and throws everything else. */
function forbidden(error: unknown): GatewayError {
  if (error instanceof GatewayError && error.reason === 'PERMISSION_DENIED') return error
  throw error
}

async function files(backend: Backend, pageToken: string, signal: AbortSignal): Promise<ResourcePage> {
  const page = await backend.listFiles({ pageSize: PAGE_SIZE, pageToken }, signal)
  return pageOf('files', page.files.map(listedFile), page.nextPageToken)
}

async function conversations(
  backend: Backend,
  pageToken: string,
  signal: AbortSignal,
): Promise<ResourcePage> {
  const page = await backend.listConversations({ pageSize: PAGE_SIZE, pageToken }, signal)
  return pageOf('conversations', page.conversations.map(listedConversation), page.nextPageToken)
}

function pageOf(kind: Kind, resources: ListedResource[], next: string): ResourcePage {
  if (next !== '') return { resources, nextCursor: `${kind}:${next}` }
  return { resources }
}

function listedFile({ id, filename, mimeType, sizeBytes }: File): ListedResource {
  return { uri: uriOf('files', id), name: id, title: filename, mimeType, size: Number(sizeBytes) }
}

function listedConversation(conversation: Conversation): ListedResource {
  const { id, messageCount, provider, model } = conversation
  const { update_time } = jsonOf(ConversationSchema, conversation)
  return {
    uri: uriOf('conversations', id),
    name: id,
    description: `${messageCount} messages, the last answer by ${provider}/${model}, ${String(update_time)}`,
    mimeType: 'application/json',
  }
}

async function readFile(
  backend: Backend,
  uri: string,
  fileId: string,
  signal: AbortSignal,
): Promise<ResourceContent> {
  const { file } = await backend.getFile({ fileId }, signal)
  const sizeBytes = Number(file?.sizeBytes ?? 0n)
  if (sizeBytes > READ_BYTES_MAX)
    throw new GatewayError(
      'INVALID_REQUEST',
      `the file has ${sizeBytes} bytes, and at most ${READ_BYTES_MAX} are read as a resource: ask a model about it with ask_file, or use FilesService.DownloadFile`,
    )
  const chunks: Uint8Array[] = []
  for await (const { chunk } of backend.downloadFile({ fileId }, signal))
    if (chunk !== undefined) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const mimeType = file?.mimeType ?? 'application/octet-stream'
  const text = isText(mimeType) ? decoded(bytes) : undefined
  return text === undefined ? { uri, mimeType, blob: bytes.toString('base64') } : { uri, mimeType, text }
}

function isText(mimeType: string): boolean {
  return /^text\/|[/+](?:json|xml|yaml|javascript)\b/.test(mimeType)
}

/** Undefined for what only claims to be a text. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
