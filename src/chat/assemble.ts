// The messages of a request: checks that each part stands where it may stand.
import { type Message, type Part, Role } from '#gen/exai/v1/chat_pb'
import { GatewayError } from '../core/errors.ts'

const CALL_ID = /^[A-Za-z0-9_-]{1,64}$/
const MEDIA_TYPE = /^[a-z0-9.+-]+\/[a-z0-9.+*-]+$/i
const FILENAME_CHARACTERS_MAX = 255
const DETAILS = ['', 'auto', 'low', 'high']

type PartCase = Part['kind']['case']

/** Largest image in a request, in bytes: as much as is downloaded for a URL, and more than the providers' own limits for one. */
const IMAGE_BYTES_MAX = 20 * 1024 * 1024
const isImage = (mimeType: string): boolean => /^image\//i.test(mimeType)

/** Which parts may stand in whose message. */
const ALLOWED = {
  [Role.SYSTEM]: ['text'],
  [Role.USER]: ['text', 'media'],
  [Role.ASSISTANT]: ['text', 'media', 'reasoning', 'toolCall', 'citation'],
  [Role.TOOL]: ['toolResult'],
} as const satisfies Record<Exclude<Role, typeof Role.UNSPECIFIED>, readonly PartCase[]>

/**
 * Gives the messages of a request as they are. Throws INVALID_REQUEST naming the message and part that cannot stand where
 * it stands: an unknown role, an empty message, a part of another role, a tool result without its call, which may be in
 * what was said before.
 */
export function assemble(messages: readonly Message[], past: readonly Message[] = []): readonly Message[] {
  // Most chats call no tool.
  let ids: CallIds | undefined
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`
    const allowed: readonly PartCase[] | undefined = ALLOWED[message.role as keyof typeof ALLOWED]
    if (allowed === undefined)
      throw invalid(`${at}.role is required: one of ROLE_SYSTEM ROLE_USER ROLE_ASSISTANT ROLE_TOOL`)
    ids?.made.clear()
    if (message.content.length === 0) throw invalid(`${at}.content needs at least one part`)
    for (const [position, part] of message.content.entries()) {
      if (part.kind.case === 'text' && allowed.includes('text')) continue
      checkPart(part, allowed, message.role, `${at}.content[${position}]`)
      if (part.kind.case !== 'toolCall' && part.kind.case !== 'toolResult') continue
      ids ??= idsOf(past)
      trackCalls(part, ids, `${at}.content[${position}]`)
    }
  }
  return messages
}

function checkPart(part: Part, allowed: readonly PartCase[], role: Role, at: string): void {
  const { kind } = part
  if (kind.case === undefined)
    throw invalid(`${at} is empty: set text, media, reasoning, tool_call, tool_result or citation`)
  if (!allowed.includes(kind.case))
    throw invalid(`${at}: ${ROLE_WORDS[role]} message takes no ${fieldOf(kind.case)} part`)
  if (kind.case === 'media') checkMedia(kind.value, at)
  if (kind.case !== 'toolResult') return
  if (kind.value.content.length === 0) throw invalid(`${at}.tool_result.content needs at least one part`)
  for (const [index, inner] of kind.value.content.entries())
    checkPart(inner, ['text', 'media'], Role.TOOL, `${at}.tool_result.content[${index}]`)
}

function fieldOf(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

const ROLE_WORDS: Readonly<Record<number, string>> = {
  [Role.SYSTEM]: 'a system',
  [Role.USER]: 'a user',
  [Role.ASSISTANT]: 'an assistant',
  [Role.TOOL]: 'a tool',
}

function checkMedia(media: Extract<Part['kind'], { case: 'media' }>['value'], at: string): void {
  const { source, mimeType, filename, detail } = media
  if (source.case === undefined) throw invalid(`${at}.media needs url, data or file_id`)
  if (mimeType !== '' && !MEDIA_TYPE.test(mimeType))
    throw invalid(`${at}.media.mime_type is not a media type such as image/png`)
  if (source.case === 'data' && mimeType === '') throw invalid(`${at}.media.mime_type is required with data`)
  if (source.case === 'data' && source.value.length === 0) throw invalid(`${at}.media.data is empty`)
  if (source.case === 'data' && isImage(mimeType) && source.value.length > IMAGE_BYTES_MAX)
    throw invalid(
      `${at}.media.data has ${source.value.length} bytes, and an image takes at most ${IMAGE_BYTES_MAX}`,
    )
  if (source.case === 'url' && !/^https?:\/\/[^\s]+$/i.test(source.value))
    throw invalid(`${at}.media.url must be an absolute http or https URL`)
  if (filename.length > FILENAME_CHARACTERS_MAX)
    throw invalid(`${at}.media.filename takes at most ${FILENAME_CHARACTERS_MAX} characters`)
  if (!DETAILS.includes(detail)) throw invalid(`${at}.media.detail must be auto, low or high`)
}

/** Ids of tool calls: those of the message at hand, those of the chat so far, and those that have their result. */
interface CallIds {
  readonly made: Set<string>
  readonly open: Set<string>
  readonly answered: Set<string>
}

function trackCalls(part: Part, { made, open, answered }: CallIds, at: string): void {
  if (part.kind.case === 'toolCall') {
    const { callId, name } = part.kind.value
    if (!CALL_ID.test(callId)) throw invalid(`${at}.tool_call.call_id must be 1 to 64 of A-Z a-z 0-9 _ -`)
    if (name === '') throw invalid(`${at}.tool_call.name is required`)
    if (made.has(callId))
      throw invalid(`${at}.tool_call.call_id ${JSON.stringify(callId)} is used twice in one message`)
    made.add(callId)
    open.add(callId)
    answered.delete(callId)
  }
  if (part.kind.case !== 'toolResult') return
  const { callId } = part.kind.value
  if (!open.has(callId))
    throw invalid(
      `${at}.tool_result.call_id ${JSON.stringify(callId.slice(0, 64))} answers no tool call of an earlier assistant message`,
    )
  if (answered.has(callId))
    throw invalid(`${at}.tool_result.call_id ${JSON.stringify(callId)} is answered twice`)
  answered.add(callId)
}

function idsOf(past: readonly Message[]): CallIds {
  const open = new Set<string>()
  const answered = new Set<string>()
  for (const { content } of past) rememberCalls(content, open, answered)
  return { made: new Set(), open, answered }
}

/** What is kept was checked when it was new. */
function rememberCalls(content: readonly Part[], open: Set<string>, answered: Set<string>): void {
  for (const { kind } of content) {
    if (kind.case === 'toolCall') {
      open.add(kind.value.callId)
      answered.delete(kind.value.callId)
    }
    if (kind.case === 'toolResult') answered.add(kind.value.callId)
  }
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
