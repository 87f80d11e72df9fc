// What a request needs of a model, and which part of it a model lacks.
import type { Media, Message, Part, ResponseFormat } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Modality, ModelEntry } from '../core/model.ts'

/** What a request needs of a model, looked for once and then held against one model after another. */
export interface Needs {
  readonly tools: boolean
  readonly strict: boolean
  readonly format: ResponseFormat['format']['case']
  /** Each kind of media that the chat shows, once, with the place where it stands first. */
  readonly media: readonly { readonly modality: Modality; readonly place: string }[]
}

/** Looks for the needs of a request, whose whole chat may be longer than what it says itself. */
export function needsOf(request: CompleteRequest, messages: readonly Message[] = request.messages): Needs {
  const media: { readonly modality: Modality; readonly place: string }[] = []
  for (let index = 0; index < messages.length; index += 1) {
    const content = messages[index]?.content ?? []
    for (let position = 0; position < content.length; position += 1) {
      const part = content[position]
      if (part === undefined || (part.kind.case !== 'media' && part.kind.case !== 'toolResult')) continue
      for (const modality of modalitiesOf(part)) {
        if (!media.some(one => one.modality === modality))
          media.push({ modality, place: `messages[${index}].content[${position}]` })
      }
    }
  }
  return {
    tools: request.tools.length > 0,
    strict: request.strict,
    format: request.responseFormat?.format.case,
    media,
  }
}

/** Says what a model lacks of that, naming the field; undefined when nothing is missing. */
export function missingOf(needs: Needs, model: ModelEntry): string | undefined {
  if (needs.tools && !model.tools) return 'it cannot call tools'
  if (needs.strict && isEmulated(needs.format, model))
    return 'it cannot be held to response_format, and strict forbids to emulate it'
  for (const { modality, place } of needs.media) {
    if (!reads(model, modality)) return `it does not read ${modality} (${place})`
  }
  return undefined
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

function modalitiesOf({ kind }: Part): readonly Modality[] {
  if (kind.case === 'toolResult') return kind.value.content.flatMap(modalitiesOf)
  const modality = kind.case === 'media' ? modalityOf(kind.value) : undefined
  return modality === undefined ? [] : [modality]
}

/** The kind of a media part; undefined when only its bytes could tell, and then the provider decides. */
function modalityOf({ mimeType }: Media): Modality | undefined {
  const type = mimeType.toLowerCase()
  if (type === 'application/pdf') return 'pdf'
  const [kind] = type.split('/')
  if (kind === 'image' || kind === 'audio' || kind === 'video') return kind
  return type === '' ? undefined : 'file'
}
