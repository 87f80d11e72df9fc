// Refuses bytes that are more than a provider takes within a request, before it is asked: somebody else may take them.
import type { Media, Part } from '#gen/exai/v1/chat_pb'
import type { ProviderConfig } from '../config/snapshot.ts'
import type { AttemptInput } from '../core/provider.ts'
import { fileRuleFor } from './file-forms.ts'
import { mediaType } from './openai-dialect/media.ts'
import { unsupported } from './openai-dialect/notes.ts'
import type { ProviderFactory } from './settings.ts'

/** Makes providers that throw UNSUPPORTED for media whose bytes are too many for their kind, by the table of file forms. */
export function withFileLimits(kind: ProviderConfig['kind'], make: ProviderFactory): ProviderFactory {
  return settings => {
    const provider = make(settings)
    const { open } = provider
    // The new object itself: what a copy would hold of its changing state is that of now.
    return Object.assign(provider, {
      open(input: AttemptInput) {
        checkSizes(kind, input)
        return open(input)
      },
    })
  }
}

function checkSizes(kind: ProviderConfig['kind'], input: AttemptInput): void {
  const kept = Math.max(0, input.messages.length - input.request.messages.length)
  for (const [index, { content }] of input.messages.entries()) {
    const path = index < kept ? `conversation[${index}]` : `messages[${index - kept}]`
    for (const [position, part] of content.entries())
      if (part.kind.case !== 'text')
        for (const media of mediaOf(part)) checkSize(kind, input, media, `${path}.content[${position}]`)
  }
}

function checkSize(kind: ProviderConfig['kind'], input: AttemptInput, media: Media, field: string): void {
  if (media.source.case !== 'data') return
  const { provider, id: model } = input.model
  const mimeType = mediaType(media)
  const sizeBytes = media.source.value.byteLength
  const forms = fileRuleFor(kind, { mimeType, model, endpoint: 'chat/completions' })?.forms ?? []
  // Without such a form the wire itself says what is missing.
  const limits = forms.flatMap(form =>
    form.form === 'inline' ? [form.sizeBytesMax ?? Number.POSITIVE_INFINITY] : [],
  )
  const most = Math.max(...limits)
  if (limits.length > 0 && sizeBytes > most)
    throw unsupported(
      input,
      field,
      `${provider} takes ${mimeType} of at most ${most} bytes within a request, and this has ${sizeBytes}`,
    )
}

function mediaOf({ kind }: Part): readonly Media[] {
  if (kind.case === 'toolResult') return kind.value.content.flatMap(mediaOf)
  return kind.case === 'media' ? [kind.value] : []
}
