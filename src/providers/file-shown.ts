// What a stored file is shown to a model as, and the part of a message that this makes.
import { create } from '@bufbuild/protobuf'
import { type Media, MediaSchema, type Part, PartSchema } from '#gen/exai/v1/chat_pb'
import { GatewayError } from '../core/errors.ts'
import type { StoredFile } from '../core/files.ts'
import { fileHeading } from '../core/text-file.ts'

/** What a file is shown as. */
export type Shown =
  | { readonly as: 'text'; readonly text: string }
  | { readonly as: 'inline' }
  /** By the provider's own id, or by a URL of its own. */
  | { readonly as: 'copy'; readonly source: { readonly case: 'fileId' | 'url'; readonly value: string } }
  /** The bytes of a file that was kept are gone, or too much now. */
  | { readonly as: 'note' }
  /** There is no place for anything but text, and no text. */
  | { readonly as: 'left' }

/** What a part is made of. */
export interface Showing {
  readonly file: StoredFile
  readonly shown: Shown
  /** Of a file that is shown inline. */
  readonly bytes: Uint8Array | undefined
  /** Whether media can stand there; if not, only a text changes anything. */
  readonly isShown: boolean
}

/** The part in the place of a medium; undefined: it stays. The name that the caller shows the model may be another one. */
export function partOf(media: Media, { file, shown, bytes, isShown }: Showing): Part | undefined {
  const { mimeType } = file
  const { detail } = media
  const filename = media.filename === '' ? file.filename : media.filename
  switch (shown.as) {
    case 'text':
      return textPart(`${fileHeading(file, filename)}\n${shown.text}`)
    case 'inline': {
      if (!isShown || bytes === undefined) return undefined
      const source = { case: 'data', value: bytes } as const
      return mediaPart(create(MediaSchema, { filename, detail, mimeType, source }))
    }
    case 'copy':
      if (!isShown) return undefined
      return mediaPart(create(MediaSchema, { filename, detail, mimeType, source: shown.source }))
    case 'note':
      return textPart('[a file that cannot be shown again]')
    case 'left':
      return undefined
    default:
      return shown satisfies never
  }
}

const textPart = (value: string): Part => create(PartSchema, { kind: { case: 'text', value } })
const mediaPart = (value: Media): Part => create(PartSchema, { kind: { case: 'media', value } })

/** All bytes of a file. Throws FILE_NOT_FOUND when they are gone, and the signal's reason. */
export async function wholeOf(
  { id, sizeBytes }: StoredFile,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  let at = 0
  for await (const piece of pieces) {
    signal.throwIfAborted()
    if (at + piece.byteLength > sizeBytes) throw differs(id, 'more')
    bytes.set(piece, at)
    at += piece.byteLength
  }
  if (at < sizeBytes) throw differs(id, 'fewer')
  return bytes
}

function differs(id: string, how: string): GatewayError {
  return new GatewayError('INTERNAL', `${how} bytes of ${id} are there than it was kept with`, {
    against: 'nobody',
  })
}
