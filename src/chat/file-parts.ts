// Puts what stored files hold in the place of their ids: text as text, and everything else as bytes, before a chat is planned.
import { create } from '@bufbuild/protobuf'
import {
  type Media,
  MediaSchema,
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  ToolResultSchema,
} from '#gen/exai/v1/chat_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { Blobs } from '../core/blobs.ts'
import { GatewayError } from '../core/errors.ts'
import type { Files, StoredFile } from '../core/files.ts'
import { isId } from '../core/ids.ts'
import type { WarningInit } from '../core/provider.ts'
import { decodeText, isTextType } from '../core/text-file.ts'

/** Limits of the files in one chat, each file counted once. */
export const FILE_PART_LIMITS = {
  files: 64,
  /** Some 2 million tokens, more than any context window. */
  textBytes: 8 * 1024 * 1024,
  /** What base64 leaves of the 50 MB that the provider with the most takes (platform.openai.com/docs/guides/pdf-files). */
  otherBytes: 37_000_000,
  imageBytes: 20 * 1024 * 1024,
} as const

/** For whom files are looked up. */
export interface FileReading {
  readonly tenant: string
  readonly signal: AbortSignal
  /**
   * How many of the messages were kept before. There a file that cannot be had any more, or is too much now, is a note and a
   * warning, and no failure. Default 0.
   */
  readonly kept?: number
  readonly warn?: ((warning: WarningInit) => void) | undefined
}

/** Resolves the files of chats. */
export interface FileParts {
  /**
   * The chat with the files in it: the same array, at once, when it names none. Throws FILE_NOT_FOUND for a file that is
   * unknown, foreign, deleted or expired, INVALID_REQUEST for more than the limits, naming the part.
   */
  resolve(
    messages: readonly Message[],
    reading: FileReading,
  ): readonly Message[] | Promise<readonly Message[]>
}

/** What files are read from. */
export interface FilePartsDeps {
  readonly files: Pick<Files, 'get'>
  readonly blobs: Pick<Blobs, 'read'>
}

/** What one chat has read so far: each file once, however often it stands there. */
interface Budget {
  readonly known: Map<string, Loaded | Lack>
  textBytes: number
  otherBytes: number
}

type Loaded = { readonly file: StoredFile } & ({ readonly text: string } | { readonly bytes: Uint8Array })

/** The same where there may be no files at all: without a resolver the chat stays as it is. */
export function withFiles(
  parts: FileParts | undefined,
  messages: readonly Message[],
  reading: FileReading,
): readonly Message[] | Promise<readonly Message[]> {
  return parts === undefined ? messages : parts.resolve(messages, reading)
}

/** Why a file is not shown. */
type Lack = 'gone' | 'unfit'

/** Makes the resolver. */
export function createFileParts(deps: FilePartsDeps): FileParts {
  async function find(id: string, field: string, work: Work): Promise<Loaded | Lack> {
    const { reading, budget } = work
    const known = budget.known.get(id)
    if (known !== undefined) return known
    reading.signal.throwIfAborted()
    const loaded = await tryLoad(id, field, work)
    budget.known.set(id, loaded)
    return loaded
  }

  async function tryLoad(id: string, field: string, work: Work): Promise<Loaded | Lack> {
    const { reading, budget, isKept } = work
    try {
      if (budget.known.size >= FILE_PART_LIMITS.files)
        throw invalid(`${field}: a chat takes at most ${FILE_PART_LIMITS.files} files`)
      const file = isId('file', id) ? await deps.files.get({ tenant: reading.tenant, id }) : undefined
      return (file && (await load(file, field, budget, reading.signal))) ?? 'gone'
    } catch (error) {
      if (isKept && error instanceof GatewayError && error.reason === 'INVALID_REQUEST') return 'unfit'
      throw error
    }
  }

  async function load(
    file: StoredFile,
    field: string,
    budget: Budget,
    signal: AbortSignal,
  ): Promise<Loaded | undefined> {
    const isText = isTextType(file.mimeType)
    // Before a byte is read: what is refused must not fill the memory first.
    claim(file, field, budget, isText ? 'textBytes' : 'otherBytes')
    const bytes = await readWhole(file, deps.blobs, signal)
    if (bytes === undefined) return undefined
    if (!isText) return { file, bytes }
    const text = decodeText(bytes)
    if (text === undefined)
      throw invalid(
        `${field}: ${file.id} is ${file.mimeType}, and its bytes are neither UTF-8 nor UTF-16 text`,
      )
    return { file, text }
  }

  async function partOf(part: Part, at: string, work: Work): Promise<Part> {
    const { kind } = part
    if (kind.case === 'toolResult') {
      const content = await partsOf(kind.value.content, `${at}.tool_result`, work)
      const value = create(ToolResultSchema, {
        callId: kind.value.callId,
        isError: kind.value.isError,
        content,
      })
      return create(PartSchema, { kind: { case: 'toolResult', value } })
    }
    if (kind.case !== 'media' || kind.value.source.case !== 'fileId') return part
    const id = kind.value.source.value
    const field = `${at}.media.file_id`
    const loaded = await find(id, field, work)
    return typeof loaded === 'string'
      ? missing({ id, field, lack: loaded }, work)
      : filled(kind.value, loaded)
  }

  async function partsOf(content: readonly Part[], at: string, work: Work): Promise<Part[]> {
    const parts: Part[] = []
    // One after the other: the budget has to know what was before.
    for (const [position, part] of content.entries())
      parts.push(namesFile(part) ? await partOf(part, `${at}.content[${position}]`, work) : part)
    return parts
  }

  async function all(messages: readonly Message[], reading: FileReading): Promise<readonly Message[]> {
    const budget: Budget = { known: new Map(), textBytes: 0, otherBytes: 0 }
    const resolved = [...messages]
    for (const { index, at, isKept } of inOrder(messages.length, reading.kept ?? 0)) {
      const { role, partial, content } = messages[index] ?? create(MessageSchema, {})
      if (!content.some(namesFile)) continue
      const parts = await partsOf(content, at, { reading, budget, isKept })
      resolved[index] = create(MessageSchema, { role, partial, content: parts })
    }
    return resolved
  }

  return {
    resolve: (messages, reading) =>
      messages.some(({ content }) => content.some(namesFile)) ? all(messages, reading) : messages,
  }
}

interface Work {
  readonly reading: FileReading
  readonly budget: Budget
  readonly isKept: boolean
}

function namesFile({ kind }: Part): boolean {
  if (kind.case === 'toolResult') return kind.value.content.some(namesFile)
  return kind.case === 'media' && kind.value.source.case === 'fileId'
}

/** Its own type decides what a file is; the name that the caller shows the model may be another. */
function filled({ filename, detail }: Media, loaded: Loaded): Part {
  const { file } = loaded
  const name = filename === '' ? file.filename : filename
  if ('text' in loaded) {
    const value = `[file ${JSON.stringify(name)}, ${file.mimeType}, ${file.sizeBytes} bytes]\n${loaded.text}`
    return create(PartSchema, { kind: { case: 'text', value } })
  }
  const source = { case: 'data', value: loaded.bytes } as const
  const value = create(MediaSchema, { filename: name, detail, mimeType: file.mimeType, source })
  return create(PartSchema, { kind: { case: 'media', value } })
}

/** The new messages first, as they may fail; of the others the newest first, as they count most. */
function inOrder(
  count: number,
  kept: number,
): readonly { readonly index: number; readonly at: string; readonly isKept: boolean }[] {
  const places = Array.from({ length: count }, (_, index) => {
    const isKept = index < kept
    return { index, isKept, at: isKept ? `conversation[${index}]` : `messages[${index - kept}]` }
  })
  return [...places.slice(kept), ...places.slice(0, kept).reverse()]
}

/** A conversation must not end because a file of it has: the model is told, and so is the caller. */
function missing(
  { id, field, lack }: { readonly id: string; readonly field: string; readonly lack: Lack },
  { reading, isKept }: Work,
): Part {
  const name = JSON.stringify(id.slice(0, 64))
  if (!isKept) throw new GatewayError('FILE_NOT_FOUND', `${field}: no file has the id ${name}`)
  const why = lack === 'gone' ? 'is no longer there' : 'cannot be shown again'
  const message = `the file ${name} ${why}, and a note stands in its place`
  reading.warn?.({ reason: Warning_Reason.DROPPED, field, message })
  return create(PartSchema, { kind: { case: 'text', value: `[a file that ${why}]` } })
}

function claim(file: StoredFile, field: string, budget: Budget, kind: 'textBytes' | 'otherBytes'): void {
  const { id, mimeType, sizeBytes } = file
  const { imageBytes } = FILE_PART_LIMITS
  if (mimeType.startsWith('image/') && kind === 'otherBytes' && sizeBytes > imageBytes)
    throw invalid(`${field}: ${id} has ${sizeBytes} bytes, and an image takes at most ${imageBytes}`)
  const most = FILE_PART_LIMITS[kind]
  const sum = budget[kind] + sizeBytes
  const what = kind === 'textBytes' ? 'text files' : 'files other than text'
  if (sum > most)
    throw invalid(`${field}: with ${id} the ${what} of this chat have ${sum} bytes, and may have ${most}`)
  budget[kind] = sum
}

/** Undefined when the bytes have gone since the file was found. */
async function readWhole(
  { blobKey, sizeBytes }: StoredFile,
  blobs: Pick<Blobs, 'read'>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(sizeBytes)
  let at = 0
  try {
    for await (const chunk of blobs.read(blobKey, 0, sizeBytes)) {
      signal.throwIfAborted()
      bytes.set(chunk, at)
      at += chunk.byteLength
    }
  } catch (error) {
    if (error instanceof GatewayError && error.reason === 'FILE_NOT_FOUND') return undefined
    throw error
  }
  if (at < sizeBytes)
    throw new GatewayError('INTERNAL', `only ${at} of ${sizeBytes} bytes of a file are there`)
  return bytes
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
