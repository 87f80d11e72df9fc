// Turns media of the contract into content parts of the chat completions wire.
import type { Media } from '#gen/exai/v1/chat_pb'
import type { AttemptInput } from '../../core/provider.ts'
import type { Dialect } from './dialect.ts'
import { unsupported } from './notes.ts'
import type { WirePart } from './wire.ts'

const audioFormats: ReadonlyMap<string, 'wav' | 'mp3'> = new Map<string, 'wav' | 'mp3'>([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
])

/** Builds the part for one medium; `field` is its path in the request. Throws UNSUPPORTED when the host has no form for it. */
export function mediaPart(input: AttemptInput, dialect: Dialect, media: Media, field: string): WirePart {
  const mimeType = media.mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const { source } = media
  const refuse = (why: string) => unsupported(input, field, `${input.model.provider} ${why}`)
  if (source.case === 'fileId') throw refuse('cannot be sent a stored file yet: send its bytes in data')
  if (source.case === undefined) throw refuse('cannot be sent media without url or data')
  // Only images can be sent by URL, so a URL without a type is one.
  const [kind = ''] = mimeType === '' && source.case === 'url' ? ['image'] : mimeType.split('/', 1)
  if (kind === 'image' && dialect.media.includes('image_url')) {
    const url = source.case === 'url' ? source.value : dataUrl(mimeType, source.value)
    return { type: 'image_url', image_url: { url, detail: media.detail === '' ? undefined : media.detail } }
  }
  const format = audioFormats.get(mimeType)
  if (format !== undefined && dialect.media.includes('input_audio')) {
    if (source.case === 'url') throw refuse('takes sound only as data')
    return { type: 'input_audio', input_audio: { data: base64(source.value), format } }
  }
  if (mimeType === 'application/pdf' && dialect.media.includes('file')) {
    if (source.case === 'url') throw refuse('takes documents only as data at this endpoint')
    // The wire requires a name with the bytes.
    const filename = media.filename === '' ? 'document.pdf' : media.filename
    return { type: 'file', file: { filename, file_data: dataUrl(mimeType, source.value) } }
  }
  throw refuse(`takes no ${mimeType === '' ? 'media of unknown type' : mimeType} at this endpoint`)
}

function dataUrl(mimeType: string, bytes: Uint8Array): string {
  return `data:${mimeType};base64,${base64(bytes)}`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
