// Where the stored files of a chat stand, and the chat with something else in their places.
import { create } from '@bufbuild/protobuf'
import {
  type Media,
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
  Role,
  ToolResultSchema,
} from '#gen/exai/v1/chat_pb'

/** The places of one file. */
export interface FilePlaces {
  readonly id: string
  /** Path of the first of them in the request. */
  readonly field: string
  readonly count: number
  /** In how many of them a model is shown media; in the others there is room for text only. */
  readonly shown: number
  /** Whether all of them are in history that was kept before. */
  readonly isKept: boolean
}

/** What stands in the place of a medium; undefined: it stays. `isShown`: whether media can stand there. */
export type Replacement = (media: Media, isShown: boolean) => Part | undefined

/** The files that a chat names, each once: those of its new messages first, and of kept ones the newest first. */
export function placesOf(messages: readonly Message[], kept: number): readonly FilePlaces[] {
  const found = new Map<string, FilePlaces>()
  const walk = (content: readonly Part[], at: string, isShown: boolean, isKept: boolean): void => {
    for (const [position, { kind }] of content.entries()) {
      const field = `${at}.content[${position}]`
      if (kind.case === 'toolResult') walk(kind.value.content, `${field}.tool_result`, false, isKept)
      if (kind.case !== 'media' || kind.value.source.case !== 'fileId') continue
      const id = kind.value.source.value
      const known = found.get(id) ?? { id, field: `${field}.media.file_id`, count: 0, shown: 0, isKept: true }
      found.set(id, {
        ...known,
        count: known.count + 1,
        shown: known.shown + (isShown ? 1 : 0),
        isKept: known.isKept && isKept,
      })
    }
  }
  for (const index of inOrder(messages.length, kept)) {
    const message = messages[index]
    if (message === undefined) continue
    const isKept = index < kept
    const at = isKept ? `conversation[${index}]` : `messages[${index - kept}]`
    walk(message.content, at, message.role === Role.USER, isKept)
  }
  return [...found.values()]
}

/** Bytes that the callers have sent themselves in media, in places where they are shown. */
export function sentBytes(messages: readonly Message[]): number {
  let sum = 0
  for (const { role, content } of messages) {
    if (role !== Role.USER) continue
    for (const { kind } of content)
      if (kind.case === 'media' && kind.value.source.case === 'data')
        sum += kind.value.source.value.byteLength
  }
  return sum
}

/** The chat with its files replaced; messages without any stay the same objects. */
export function replaceFiles(messages: readonly Message[], replace: Replacement): readonly Message[] {
  return messages.map(message => {
    const { role, partial, content } = message
    if (!content.some(namesFile)) return message
    return create(MessageSchema, { role, partial, content: partsOf(content, role === Role.USER, replace) })
  })
}

function partsOf(content: readonly Part[], isShown: boolean, replace: Replacement): Part[] {
  return content.map(part => {
    const { kind } = part
    if (kind.case === 'toolResult' && kind.value.content.some(namesFile)) {
      const { callId, isError } = kind.value
      const value = create(ToolResultSchema, {
        callId,
        isError,
        content: partsOf(kind.value.content, false, replace),
      })
      return create(PartSchema, { kind: { case: 'toolResult', value } })
    }
    if (kind.case !== 'media' || kind.value.source.case !== 'fileId') return part
    return replace(kind.value, isShown) ?? part
  })
}

function namesFile({ kind }: Part): boolean {
  if (kind.case === 'toolResult') return kind.value.content.some(namesFile)
  return kind.case === 'media' && kind.value.source.case === 'fileId'
}

function inOrder(count: number, kept: number): readonly number[] {
  const all = Array.from({ length: count }, (_, index) => index)
  return [...all.slice(kept), ...all.slice(0, kept).reverse()]
}
