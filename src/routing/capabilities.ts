// What a request needs of a model, and which part of it a model lacks.
import type { Media, Part } from '#gen/exai/v1/chat_pb'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import type { Modality, ModelEntry } from '../core/model.ts'

/** Says what a request needs that a model lacks, naming the field; undefined when nothing is missing. */
export function missingCapability(request: CompleteRequest, model: ModelEntry): string | undefined {
  if (request.tools.length > 0 && !model.tools) return 'it cannot call tools'
  if (request.strict && isEmulated(request, model))
    return 'it cannot be held to response_format, and strict forbids to emulate it'
  for (const [index, message] of request.messages.entries()) {
    for (const [position, part] of message.content.entries()) {
      const unread = unreadMedia(part, model)
      if (unread !== undefined) return `it does not read ${unread} (messages[${index}].content[${position}])`
    }
  }
  return undefined
}

/** Whether the form of the answer has to be asked for in words and checked here, because the model has no such mode. */
export function isEmulated(request: CompleteRequest, model: ModelEntry): boolean {
  const format = request.responseFormat?.format.case
  if (format === 'jsonSchema') return model.structuredOutput !== 'json_schema'
  return format === 'json' && model.structuredOutput === 'none'
}

function unreadMedia(part: Part, model: ModelEntry): string | undefined {
  if (part.kind.case === 'toolResult') {
    for (const inner of part.kind.value.content) {
      const unread = unreadMedia(inner, model)
      if (unread !== undefined) return unread
    }
    return undefined
  }
  if (part.kind.case !== 'media') return undefined
  const modality = modalityOf(part.kind.value)
  if (modality === undefined || model.modalitiesIn.includes(modality)) return undefined
  // A model that reads files of any kind reads PDF among them.
  return modality === 'pdf' && model.modalitiesIn.includes('file') ? undefined : modality
}

/** The kind of a media part; undefined when only its bytes could tell, and then the provider decides. */
function modalityOf({ mimeType }: Media): Modality | undefined {
  const type = mimeType.toLowerCase()
  if (type === 'application/pdf') return 'pdf'
  const [kind] = type.split('/')
  if (kind === 'image' || kind === 'audio' || kind === 'video') return kind
  return type === '' ? undefined : 'file'
}
