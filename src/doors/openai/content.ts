// Content of OpenAI's messages as parts of ours: text, images, sound, files and what other providers add to them.
import { create, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf'
import { type Part, PartSchema } from '#gen/exai/v1/chat_pb'
import { elementOf, type Fields } from '../http/fields.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'

type PartInit = MessageInitShape<typeof PartSchema>

/** The media types of `input_audio.format`. */
const AUDIO_TYPES: Readonly<Record<string, string>> = { wav: 'audio/wav', mp3: 'audio/mpeg' }

/** What a document is that says nothing of itself: the only kind that OpenAI reads in a chat. */
const DOCUMENT_TYPE = 'application/pdf'

/** A part that is a text. */
export function textPart(text: string): Part {
  return partOf({ kind: { case: 'text', value: text } })
}

/** The parts of a content: a text, or a list of parts. */
export function contentParts(content: JsonValue | undefined, path: string): readonly Part[] {
  if (content === undefined) return []
  if (typeof content === 'string') return [textPart(content)]
  if (!Array.isArray(content)) throw wrongField(path, 'must be a string or an array of parts')
  return content.map((value, index) => contentPart(elementOf(value, `${path}[${index}]`)))
}

function contentPart(fields: Fields): Part {
  const type = fields.needText('type')
  switch (type) {
    case 'text':
      return textPart(fields.needText('text'))
    case 'refusal':
      return textPart(fields.needText('refusal'))
    case 'image_url':
      return imagePart(fields)
    case 'input_audio':
      return audioPart(fields.needObject('input_audio'))
    case 'file':
      return filePart(fields.needObject('file'))
    case 'video_url':
      return mediaPart(fields.needObject('video_url').needText('url'), `${fields.path}.video_url.url`, {})
    default:
      throw unsupportedField(
        fields.at('type'),
        `${JSON.stringify(type.slice(0, 64))} is not known: send text, image_url, input_audio, file or video_url`,
      )
  }
}

function imagePart(fields: Fields): Part {
  const place = fields.at('image_url')
  // Some clients send the URL alone.
  const bare = fields.raw('image_url')
  if (typeof bare === 'string') return mediaPart(bare, place, {})
  const image = fields.needObject('image_url')
  const detail = image.text('detail')
  return mediaPart(image.needText('url'), image.at('url'), detail === undefined ? {} : { detail })
}

function audioPart(audio: Fields): Part {
  const format = audio.needText('format')
  const mimeType = Object.hasOwn(AUDIO_TYPES, format) ? AUDIO_TYPES[format] : undefined
  if (mimeType === undefined) throw unsupportedField(audio.at('format'), 'must be wav or mp3')
  return partOf({
    kind: {
      case: 'media',
      value: {
        mimeType,
        source: { case: 'data', value: bytesOf(audio.needText('data'), audio.at('data')) },
      },
    },
  })
}

function filePart(file: Fields): Part {
  const id = file.text('file_id')
  const data = file.text('file_data')
  const filename = file.text('filename') ?? ''
  if (id !== undefined)
    return partOf({ kind: { case: 'media', value: { filename, source: { case: 'fileId', value: id } } } })
  if (data === undefined) throw wrongField(file.path, 'needs file_id or file_data')
  return fileDataPart(data, file.at('file_data'), filename)
}

/** A document whose bytes stand in the request: a data URL, or base64 alone, which is then taken for a PDF. */
export function fileDataPart(data: string, place: string, filename: string): Part {
  if (/^data:/i.test(data)) return mediaPart(data, place, { filename })
  const value = bytesOf(data, place)
  return partOf({
    kind: { case: 'media', value: { filename, mimeType: DOCUMENT_TYPE, source: { case: 'data', value } } },
  })
}

const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,/i

/** A medium behind a URL, or in one. */
export function mediaPart(
  url: string,
  place: string,
  more: { readonly detail?: string; readonly filename?: string },
): Part {
  const head = DATA_URL.exec(url.slice(0, 512))
  if (head === null)
    return partOf({ kind: { case: 'media', value: { ...more, source: { case: 'url', value: url } } } })
  const [whole, mimeType = '', , base64] = head
  if (mimeType === '' || base64 === undefined)
    throw wrongField(
      place,
      'must be a data URL with a media type and base64, such as data:image/png;base64,…',
    )
  const value = bytesOf(url.slice(whole.length), place)
  return partOf({ kind: { case: 'media', value: { ...more, mimeType, source: { case: 'data', value } } } })
}

// White space has one place in it alone: with two to choose from, a long run of it would be tried in every way.
const BASE64 = /^[A-Za-z0-9+/_\-\s]*(?:=\s*){0,2}$/

/** Bytes in base64. Throws what the client is to be told. */
export function bytesOf(text: string, place: string): Uint8Array<ArrayBuffer> {
  // Node decodes what it can of anything, and a cut picture would be a puzzle.
  if (!BASE64.test(text)) throw wrongField(place, 'is not base64')
  return new Uint8Array(Buffer.from(text, 'base64'))
}

function partOf(init: PartInit): Part {
  return create(PartSchema, init)
}
