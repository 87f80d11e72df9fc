// What a request needs of a model, and which part of it a model lacks.
import type { Media, Message, Part, ResponseFormat } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { ChatFiles } from '../core/chat-files.ts'
import type { StoredFile } from '../core/files.ts'
import type { Modality, ModelEntry } from '../core/model.ts'
import type { Provider } from '../core/provider.ts'

/** What a request needs of a model, looked for once and then held against one model after another. */
export interface Needs {
  readonly tools: boolean
  readonly strict: boolean
  readonly format: ResponseFormat['format']['case']
  /** Each kind of media that has to be read, once, with the place where it stands first. */
  readonly media: readonly NeededMedia[]
  /** Kinds of stored files whose text is known: to a model that does not read them it can be given. */
  readonly texts: readonly Modality[]
  /** Tokens of those texts. */
  readonly textTokens: number
  /** Whether the chat shows nothing beside those and its words, so that what it costs can be counted. */
  readonly isCountable: boolean
}

/** A kind of media that has to be read. */
export interface NeededMedia {
  readonly modality: Modality
  readonly place: string
  /** The type of a stored file, of which a provider may make a text. Absent: it is none. */
  readonly storedType?: string
}

/** Looks for the needs of a request, whose whole chat may be longer than what it says itself. */
export function needsOf(
  request: CompleteRequest,
  messages: readonly Message[] = request.messages,
  stored?: ChatFiles['stored'],
): Needs {
  const media: NeededMedia[] = []
  const texts: Modality[] = []
  let textTokens = 0
  let isCountable = true

  function look(one: Media, place: string): void {
    const modality = modalityOf(one)
    const file = storedOf(one, stored)
    if (file?.text.state === 'ready') {
      textTokens += file.text.tokens
      const kind = modality ?? 'file'
      if (!texts.includes(kind)) texts.push(kind)
      return
    }
    isCountable = false
    if (modality === undefined) return
    const storedType = file?.mimeType
    if (media.some(known => known.modality === modality && known.storedType === storedType)) return
    media.push({ modality, place, ...(storedType === undefined ? {} : { storedType }) })
  }

  for (let index = 0; index < messages.length; index += 1) {
    const content = messages[index]?.content ?? []
    for (let position = 0; position < content.length; position += 1) {
      const part = content[position]
      if (part === undefined || (part.kind.case !== 'media' && part.kind.case !== 'toolResult')) continue
      for (const one of mediaOf(part)) look(one, `messages[${index}].content[${position}]`)
    }
  }
  return {
    tools: request.tools.length > 0,
    strict: request.strict,
    format: request.responseFormat?.format.case,
    media,
    texts,
    textTokens,
    isCountable,
  }
}

/**
 * Says what a model lacks of that, naming the field; undefined when nothing is missing. A stored document need not be read by
 * the model where its provider makes a text of it.
 */
export function missingOf(
  needs: Needs,
  model: ModelEntry,
  provider: Pick<Provider, 'readsDocuments'>,
): string | undefined {
  if (needs.tools && !model.tools) return 'it cannot call tools'
  if (needs.strict && isEmulated(needs.format, model))
    return 'it cannot be held to response_format, and strict forbids to emulate it'
  for (const { modality, place, storedType } of needs.media) {
    if (reads(model, modality)) continue
    if (storedType !== undefined && provider.readsDocuments?.(storedType) === true) continue
    return `it does not read ${modality} (${place})`
  }
  return undefined
}

/** Whether the tokens of what a model would be given can be counted: not those of media, nor of a file that it reads itself. */
export function canCount({ isCountable, texts }: Needs, model: ModelEntry): boolean {
  return isCountable && !texts.some(modality => reads(model, modality))
}

/** Whether the form of the answer has to be asked for in words and checked here, because the model has no such mode. */
export function isEmulated(format: Needs['format'], model: ModelEntry): boolean {
  if (format === 'jsonSchema') return model.structuredOutput !== 'json_schema'
  return format === 'json' && model.structuredOutput === 'none'
}

function reads({ modalitiesIn }: ModelEntry, modality: Modality): boolean {
  // A model that reads files of any kind reads PDF among them.
  return modalitiesIn.includes(modality) || (modality === 'pdf' && modalitiesIn.includes('file'))
}

function mediaOf({ kind }: Part): readonly Media[] {
  if (kind.case === 'toolResult') return kind.value.content.flatMap(mediaOf)
  return kind.case === 'media' ? [kind.value] : []
}

function storedOf({ source }: Media, stored: ChatFiles['stored'] | undefined): StoredFile | undefined {
  return source.case === 'fileId' ? stored?.get(source.value) : undefined
}

/** The kind of a media part; undefined when only its bytes could tell, and then the provider decides. */
function modalityOf({ mimeType }: Media): Modality | undefined {
  const type = mimeType.toLowerCase()
  if (type === 'application/pdf') return 'pdf'
  const [kind] = type.split('/')
  if (kind === 'image' || kind === 'audio' || kind === 'video') return kind
  return type === '' ? undefined : 'file'
}
