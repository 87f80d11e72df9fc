// Turns media of the contract into content parts of the chat completions wire.
import type { Media } from '#gen/exai/v1/chat_pb'
import type { Modality, ModelEntry } from '../../core/model.ts'
import { type GivenInput, namesCopy } from '../given.ts'
import type { Dialect, MediaForm } from './dialect.ts'
import { type Note, unsupported } from './notes.ts'
import type { WirePart } from './wire.ts'

const audioFormats: ReadonlyMap<string, 'wav' | 'mp3'> = new Map<string, 'wav' | 'mp3'>([
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/wave', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
])

/** What one medium is, and where. */
interface Piece {
  readonly mimeType: string
  readonly media: Media
  readonly source:
    | { readonly case: 'url'; readonly value: string }
    | { readonly case: 'data'; readonly value: Uint8Array }
    | { readonly case: 'fileId'; readonly value: string }
}

/** The form of the wire for a type of media, by the forms that a host takes; undefined when it has none. */
export function mediaForm(dialect: Pick<Dialect, 'media'>, mimeType: string): MediaForm | undefined {
  const [kind = ''] = mimeType.split('/', 1)
  const own: Readonly<Record<string, readonly MediaForm[]>> = {
    image: ['image_url'],
    video: ['video_url'],
    audio: audioFormats.has(mimeType) ? ['input_audio'] : [],
  }
  const document: readonly MediaForm[] = mimeType === 'application/pdf' ? ['file', 'file_url'] : ['file_url']
  const wanted = (Object.hasOwn(own, kind) ? own[kind] : undefined) ?? document
  return wanted.find(form => dialect.media.includes(form))
}

/** The type of a medium in lower case and without parameters; of one at a URL that has none, that of an image. */
export function mediaType({ mimeType, source }: Media): string {
  const type = mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return type === '' && source.case === 'url' ? 'image/*' : type
}

/**
 * Builds the part for one medium; `field` is its path in the request. Throws UNSUPPORTED when the host has no form for it,
 * or the model does not read its kind.
 */
export function mediaPart(
  input: GivenInput,
  dialect: Dialect,
  media: Media,
  field: string,
  note: Note = () => {},
): WirePart {
  const mimeType = mediaType(media)
  const { source } = media
  const refuse = (why: string) => unsupported(input, field, `${input.model.provider} ${why}`)
  const isCopy = namesCopy(input, media)
  if (source.case === 'fileId' && !isCopy)
    throw refuse('cannot be sent a stored file here: send its bytes in data')
  if (source.case === undefined) throw refuse('cannot be sent media without url or data')
  const form = mediaForm(dialect, mimeType)
  if (form === undefined || mimeType === '')
    throw refuse(`takes no ${mimeType === '' ? 'media of unknown type' : mimeType} at this endpoint`)
  const bytesOnly = onlyData[form] ?? (dialect.mediaOnlyData?.includes(form) ? mimeType : undefined)
  if (source.case === 'url' && bytesOnly !== undefined && !isCopy)
    throw refuse(`takes ${bytesOnly} only as data`)
  if (source.case === 'data' && dialect.mediaOnlyUrls?.includes(form))
    throw refuse(`takes ${mimeType} only by url`)
  if (!readsForm(input.model, form)) throw unsupported(input, field, `${input.model.id} reads no ${mimeType}`)
  return wirePart(form, { mimeType, media, source }, detailOf(dialect, media, field, note))
}

const onlyData: Readonly<Partial<Record<MediaForm, string>>> = { input_audio: 'sound', file: 'documents' }

const modalities: Readonly<Record<MediaForm, readonly Modality[]>> = {
  image_url: ['image'],
  video_url: ['video'],
  input_audio: ['audio'],
  file: ['pdf', 'file'],
  file_url: ['pdf', 'file'],
}

/** Whether a model reads what stands in a form. Of a model that nobody described, nothing is known. */
export function readsForm({ confidence, modalitiesIn }: ModelEntry, form: MediaForm): boolean {
  return confidence === 'assumed' || modalities[form].some(modality => modalitiesIn.includes(modality))
}

function detailOf(dialect: Dialect, media: Media, field: string, note: Note): string | undefined {
  const { detail } = media
  if (detail === '' || dialect.imageDetails?.includes(detail) !== false) return detail || undefined
  // The host's own choice is what `auto` asks for.
  if (detail !== 'auto') note('DROPPED', `${field}.media.detail`, `the host takes no ${detail}`)
  return undefined
}

function wirePart(form: MediaForm, piece: Piece, detail: string | undefined): WirePart {
  const { mimeType, media, source } = piece
  const url = source.case === 'data' ? dataUrl(mimeType, source.value) : source.value
  switch (form) {
    case 'image_url':
      return { type: form, image_url: { url, detail } }
    case 'video_url':
      return { type: form, video_url: { url } }
    case 'file_url':
      return { type: form, file_url: { url } }
    case 'input_audio': {
      const data = source.case === 'data' ? base64(source.value) : ''
      return { type: form, input_audio: { data, format: audioFormats.get(mimeType) ?? 'wav' } }
    }
    case 'file':
      if (source.case === 'fileId') return { type: form, file: { file_id: source.value } }
      // The wire requires a name with the bytes.
      return { type: form, file: { filename: media.filename || 'document.pdf', file_data: url } }
    default:
      return form satisfies never
  }
}

/** Bytes as a `data:` URL. */
export function dataUrl(mimeType: string, bytes: Uint8Array): string {
  return `data:${mimeType};base64,${base64(bytes)}`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
