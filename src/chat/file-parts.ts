// Looks up the stored files of a chat before it is planned: text is put in its place, and everything else stays by its id.
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
import type { ChatFiles, FileGiving } from '../core/chat-files.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Files, StoredFile } from '../core/files.ts'
import { isId } from '../core/ids.ts'
import { pause } from '../core/pause.ts'
import type { WarningInit } from '../core/provider.ts'
import { decodeText, fileHeading, isTextType } from '../core/text-file.ts'
import { createFileBudget, FILE_PART_LIMITS, type FileBudget } from './file-budget.ts'

/** How long a chat waits for texts that are still being read, in milliseconds: who can be asked depends on them. */
export const TEXT_WAIT_MS = 30_000
/** The first and the longest pause between two looks at a text, in milliseconds. */
const LOOK_MS = { first: 25, most: 500 } as const

/** For whom files are looked up. */
export interface FileReading {
  readonly tenant: string
  readonly signal: AbortSignal
  /**
   * How many of the messages were kept before. There a file that cannot be had any more, or is too much now, is a note and a
   * warning, and no failure, unless `strict` forbids it. Default 0.
   */
  readonly kept?: number
  /** Whether such a note is a failure, too. Default false. */
  readonly strict?: boolean
  readonly warn?: ((warning: WarningInit) => void) | undefined
}

/** A chat whose files are known. */
export interface FilledChat {
  /** Media that name a file have its own type, and its name where the caller gives none. */
  readonly messages: readonly Message[]
  /** Absent: no medium names one. */
  readonly files?: ChatFiles | undefined
}

/** Resolves the files of chats. */
export interface FileParts {
  /**
   * The chat with its files: the same array, at once, when it names none. A text that is still being read is waited for.
   * Throws FILE_NOT_FOUND for a file that is unknown, foreign, deleted or expired, INVALID_REQUEST for more than the limits,
   * naming the part.
   */
  resolve(messages: readonly Message[], reading: FileReading): FilledChat | Promise<FilledChat>
}

/** What files are looked up with. */
export interface FilePartsDeps {
  readonly files: Pick<Files, 'get'>
  readonly blobs: Pick<Blobs, 'read'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** Makes what the attempts of a chat get its files from. */
  readonly giving: (tenant: string, stored: Map<string, StoredFile>) => FileGiving
}

/** What one chat has looked up so far: each file once, however often it stands there. */
interface Seen {
  readonly known: Map<string, Loaded | Lack>
  readonly budget: FileBudget
  /** Until when texts are waited for, on the monotonic clock; undefined before the first wait. */
  textsUntilMs: number | undefined
}

/** A file, and its text if it is nothing else. */
interface Loaded {
  readonly file: StoredFile
  readonly text?: string
}

/** Why a file is not shown. */
type Lack = 'gone' | 'unfit'

/** Makes the resolver. */
export function createFileParts(deps: FilePartsDeps): FileParts {
  async function find(id: string, field: string, work: Work): Promise<Loaded | Lack> {
    const { reading, seen, isKept } = work
    try {
      const known = seen.known.get(id)
      if (known !== undefined) return again(known, field, seen.budget)
      reading.signal.throwIfAborted()
      if (seen.known.size >= FILE_PART_LIMITS.files)
        throw invalid(`${field}: a chat takes at most ${FILE_PART_LIMITS.files} files`)
      const file = isId('file', id) ? await deps.files.get({ tenant: reading.tenant, id }) : undefined
      const loaded = (file && (await load(file, field, work))) ?? 'gone'
      seen.known.set(id, loaded)
      return loaded
    } catch (error) {
      if (!isKept || !(error instanceof GatewayError) || error.reason !== 'INVALID_REQUEST') throw error
      if (!seen.known.has(id)) seen.known.set(id, 'unfit')
      return 'unfit'
    }
  }

  async function load(file: StoredFile, field: string, work: Work): Promise<Loaded | undefined> {
    const isText = isTextType(file.mimeType)
    // Before a byte is read: what is refused must not fill the memory first.
    work.seen.budget.claim(file, field, isText ? 'text' : 'other')
    if (!isText) {
      const known = await withText(file, field, work)
      return known && { file: known }
    }
    const bytes = await readWhole(file, deps.blobs, work.reading.signal)
    if (bytes === undefined) return undefined
    const text = decodeText(bytes)
    if (text === undefined)
      throw invalid(
        `${field}: ${file.id} is ${file.mimeType}, and its bytes are neither UTF-8 nor UTF-16 text`,
      )
    return { file, text }
  }

  /** The file once its text has been read, or will not be in time; undefined when it has gone meanwhile. */
  async function withText(
    file: StoredFile,
    field: string,
    { reading: { signal, warn }, seen }: Work,
  ): Promise<StoredFile | undefined> {
    let found: StoredFile | undefined = file
    for (let waitMs: number = LOOK_MS.first; found?.text.state === 'pending'; waitMs *= 2) {
      const nowMs = deps.clock.monotonic()
      seen.textsUntilMs ??= nowMs + TEXT_WAIT_MS
      const leftMs = seen.textsUntilMs - nowMs
      if (leftMs <= 0) {
        const message = `the text of ${file.id} is still being read: only who reads ${file.mimeType} can be given it`
        warn?.({ reason: Warning_Reason.NOTICE, field, message })
        return found
      }
      await pause(Math.min(waitMs, LOOK_MS.most, leftMs), signal)
      signal.throwIfAborted()
      found = await deps.files.get(file)
    }
    return found
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
    if (typeof loaded === 'string') return missing({ id, field, lack: loaded }, work)
    if (loaded.text === undefined) work.stored.set(id, loaded.file)
    return filled(kind.value, loaded)
  }

  async function partsOf(content: readonly Part[], at: string, work: Work): Promise<Part[]> {
    const parts: Part[] = []
    // One after the other: the budget has to know what was before.
    for (const [position, part] of content.entries())
      parts.push(namesFile(part) ? await partOf(part, `${at}.content[${position}]`, work) : part)
    return parts
  }

  async function all(messages: readonly Message[], reading: FileReading): Promise<FilledChat> {
    const seen: Seen = { known: new Map(), budget: createFileBudget(), textsUntilMs: undefined }
    const stored = new Map<string, StoredFile>()
    const resolved = [...messages]
    for (const { index, at, isKept } of inOrder(messages.length, reading.kept ?? 0)) {
      const { role, partial, content } = messages[index] ?? create(MessageSchema, {})
      if (!content.some(namesFile)) continue
      const parts = await partsOf(content, at, { reading, seen, stored, isKept })
      resolved[index] = create(MessageSchema, { role, partial, content: parts })
    }
    if (stored.size === 0) return { messages: resolved }
    return { messages: resolved, files: { stored, giving: deps.giving(reading.tenant, stored) } }
  }

  return {
    resolve: (messages, reading) =>
      messages.some(({ content }) => content.some(namesFile)) ? all(messages, reading) : { messages },
  }
}

interface Work {
  readonly reading: FileReading
  readonly seen: Seen
  /** Files that stay in the chat. */
  readonly stored: Map<string, StoredFile>
  readonly isKept: boolean
}

/** A text takes its room in every place where it stands, and all else in one. Throws INVALID_REQUEST. */
function again(known: Loaded | Lack, field: string, budget: FileBudget): Loaded | Lack {
  if (typeof known !== 'string' && known.text !== undefined) budget.claim(known.file, field, 'text')
  return known
}

function namesFile({ kind }: Part): boolean {
  if (kind.case === 'toolResult') return kind.value.content.some(namesFile)
  return kind.case === 'media' && kind.value.source.case === 'fileId'
}

/** Its own type decides what a file is; the name that the caller shows the model may be another. */
function filled({ filename, detail }: Media, { file, text }: Loaded): Part {
  const name = filename === '' ? file.filename : filename
  if (text !== undefined)
    return create(PartSchema, { kind: { case: 'text', value: `${fileHeading(file, name)}\n${text}` } })
  const source = { case: 'fileId', value: file.id } as const
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
  if (reading.strict === true)
    throw new GatewayError('UNSUPPORTED', `${field}: the file ${name} ${why}, and strict forbids a note`)
  const message = `the file ${name} ${why}, and a note stands in its place`
  reading.warn?.({ reason: Warning_Reason.DROPPED, field, message })
  return create(PartSchema, { kind: { case: 'text', value: `[a file that ${why}]` } })
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
