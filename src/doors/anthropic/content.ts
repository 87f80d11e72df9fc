// Content of Anthropic's messages as parts of ours: text, images, documents and search results.
import { create, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf'
import { type Part, PartSchema } from '#gen/exai/v1/chat_pb'
import { elementOf, type Fields } from '../http/fields.ts'
import type { Notes } from '../http/notes.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'

/** What a document at a URL is: the only kind that there is (https://platform.claude.com/docs/en/build-with-claude/pdf-support). */
const DOCUMENT_TYPE = 'application/pdf'

/** A part of ours. */
export function partOf(kind: MessageInitShape<typeof PartSchema>['kind']): Part {
  return create(PartSchema, kind === undefined ? {} : { kind })
}

/** A part that is a text. */
export function textPart(text: string): Part {
  return partOf({ case: 'text', value: text })
}

/** The blocks of a content: a text alone is one block. Throws what the client is to be told. */
export function blocksOf(message: Fields, name: string): readonly Fields[] {
  const content = message.raw(name)
  const place = message.at(name)
  if (content === undefined) return []
  if (typeof content === 'string') return [elementOf({ type: 'text', text: content }, place)]
  if (!Array.isArray(content)) throw wrongField(place, 'must be a string or an array of blocks')
  return content.map((value: JsonValue, index) => elementOf(value, `${place}[${index}]`))
}

/** The parts that a block of a user, a tool or a system prompt stands for. Throws what the client is to be told. */
export function blockParts(block: Fields, notes: Notes): readonly Part[] {
  const type = block.needText('type')
  switch (type) {
    case 'text':
      return [textPart(block.needText('text'))]
    case 'image':
      return [imagePart(block.needObject('source'))]
    case 'document':
      return documentParts(block, notes)
    case 'search_result':
      return [searchResultPart(block, notes)]
    default:
      throw unsupportedField(
        block.at('type'),
        `${JSON.stringify(type.slice(0, 64))} is not taken here: send text, image, document or search_result`,
      )
  }
}

function imagePart(source: Fields): Part {
  const type = source.needText('type')
  if (type === 'base64') return dataPart(source, '')
  if (type === 'url') return mediaPart({ source: { case: 'url', value: source.needText('url') } })
  if (type === 'file') return mediaPart({ source: { case: 'fileId', value: source.needText('file_id') } })
  throw unsupportedField(source.at('type'), 'must be base64, url or file')
}

function documentParts(block: Fields, notes: Notes): readonly Part[] {
  noteCitations(block, notes)
  const title = block.text('title') ?? ''
  const context = block.text('context') ?? ''
  return [...(context === '' ? [] : [textPart(context)]), ...sourceParts(block, title, notes)]
}

function sourceParts(block: Fields, title: string, notes: Notes): readonly Part[] {
  const source = block.needObject('source')
  const type = source.needText('type')
  switch (type) {
    case 'base64':
      return [dataPart(source, title)]
    case 'url':
      return [
        mediaPart({
          filename: title,
          mimeType: DOCUMENT_TYPE,
          source: { case: 'url', value: source.needText('url') },
        }),
      ]
    case 'file':
      return [mediaPart({ filename: title, source: { case: 'fileId', value: source.needText('file_id') } })]
    case 'text':
      // A text is read by every model; a file that is one only by some.
      return [textPart(titled(title, source.needText('data')))]
    case 'content': {
      const parts = blocksOf(source, 'content').flatMap(inner => blockParts(inner, notes))
      return title === '' ? parts : [textPart(title), ...parts]
    }
    default:
      throw unsupportedField(source.at('type'), 'must be base64, url, file, text or content')
  }
}

function searchResultPart(block: Fields, notes: Notes): Part {
  noteCitations(block, notes)
  const texts = blocksOf(block, 'content').map(inner => inner.needText('text'))
  return textPart([block.needText('title'), block.needText('source'), ...texts].join('\n'))
}

function noteCitations(block: Fields, notes: Notes): void {
  const citations = block.object('citations')
  if (citations?.flag('enabled') === true)
    notes.dropped(citations.path, 'whether sources are named is for the model to choose here')
}

function titled(title: string, text: string): string {
  return title === '' ? text : `${title}\n${text}`
}

type Media = Extract<MessageInitShape<typeof PartSchema>['kind'], { readonly case: 'media' }>['value']

function mediaPart(media: Media): Part {
  return partOf({ case: 'media', value: media })
}

// White space has one place in it alone: with two to choose from, a long run of it would be tried in every way.
const BASE64 = /^[A-Za-z0-9+/_\-\s]*(?:=\s*){0,2}$/

function dataPart(source: Fields, filename: string): Part {
  const data = source.needText('data')
  // Node decodes what it can of anything, and a cut picture would be a puzzle.
  if (!BASE64.test(data)) throw wrongField(source.at('data'), 'is not base64')
  const value = new Uint8Array(Buffer.from(data, 'base64'))
  return mediaPart({ filename, mimeType: source.needText('media_type'), source: { case: 'data', value } })
}
