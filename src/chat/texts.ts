// Every text of a request that costs tokens, for the counter.
import type { Media, Message, Part } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { ChatFiles } from '../core/chat-files.ts'
import { fileHeading } from '../core/text-file.ts'
import type { CountedRequest, TokenCounter } from '../metering/count.ts'

/** Stored files by the ids by which media name them. */
export type StoredFiles = ChatFiles['stored']

/** What of a chat costs tokens. */
export interface CountedChat extends CountedRequest {
  /** Tokens of the texts of stored files: each was counted when it was read. */
  readonly fileTokens: number
}

/**
 * Collects what a request says in words. Of media only the texts of stored files have a count here: what others cost differs
 * by provider and is not public.
 */
export function countedRequest(
  request: CompleteRequest,
  messages: readonly Message[],
  stored?: StoredFiles,
): CountedChat {
  const texts = messages.flatMap(message => messageTexts(message, stored))
  for (const tool of request.tools)
    texts.push(
      tool.name,
      tool.description,
      tool.parameters === undefined ? '' : JSON.stringify(tool.parameters),
    )
  const format = request.responseFormat?.format
  if (format?.case === 'jsonSchema') texts.push(format.value.name, JSON.stringify(format.value.schema ?? {}))
  return {
    texts: texts.filter(text => text !== ''),
    messages: messages.length,
    fileTokens: messages.reduce((sum, message) => sum + fileTokens(message, stored), 0),
  }
}

/** Tokens of what was collected. Rejects with the signal's reason once it is aborted. */
export async function countTokensOf(
  counted: CountedChat,
  counter: Pick<TokenCounter, 'countRequest'>,
  signal?: AbortSignal,
): Promise<number> {
  const { tokens } = await counter.countRequest(counted, signal)
  return tokens + counted.fileTokens
}

/** What one message says in words, the headings of its files' texts among them. */
export function messageTexts({ content }: Message, stored?: StoredFiles): string[] {
  const texts: string[] = []
  for (const part of content) addPart(part, texts, stored)
  return texts
}

/** Tokens of the texts of the stored files that one message names. */
export function fileTokens({ content }: Pick<Message, 'content'>, stored?: StoredFiles): number {
  return content.reduce((sum, { kind }) => {
    if (kind.case === 'toolResult') return sum + fileTokens(kind.value, stored)
    return kind.case === 'media' ? sum + (textOf(kind.value, stored)?.tokens ?? 0) : sum
  }, 0)
}

/** Whether a medium is a stored file whose text is known. */
export function hasText(media: Media, stored?: StoredFiles): boolean {
  return textOf(media, stored) !== undefined
}

function textOf({ source }: Media, stored: StoredFiles | undefined) {
  const file = source.case === 'fileId' ? stored?.get(source.value) : undefined
  return file?.text.state === 'ready' ? { file, tokens: file.text.tokens } : undefined
}

function addPart({ kind }: Part, texts: string[], stored: StoredFiles | undefined): void {
  switch (kind.case) {
    case 'text':
      texts.push(kind.value)
      return
    case 'reasoning':
      texts.push(kind.value.text)
      return
    case 'toolCall':
      texts.push(kind.value.name, kind.value.arguments)
      return
    case 'toolResult':
      for (const inner of kind.value.content) addPart(inner, texts, stored)
      return
    case 'media': {
      const text = textOf(kind.value, stored)
      if (text !== undefined) texts.push(fileHeading(text.file, kind.value.filename))
      return
    }
    case 'citation':
    case undefined:
      return
    default:
      kind satisfies never
  }
}
