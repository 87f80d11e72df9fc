// Downloads media for hosts that take only bytes, before such a host is asked.
import { create } from '@bufbuild/protobuf'
import {
  type Media,
  MediaSchema,
  type Message,
  MessageSchema,
  type Part,
  PartSchema,
} from '#gen/exai/v1/chat_pb'
import type { Deltas } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { AttemptInput } from '../core/provider.ts'
import type { Ask } from './ask.ts'
import { type GivenInput, namesCopy } from './given.ts'
import type { Dialect } from './openai-dialect/dialect.ts'
import { mediaForm, mediaType } from './openai-dialect/media.ts'
import { unsupported } from './openai-dialect/notes.ts'

/** Downloads what is at a URL. Throws GatewayError when it cannot, or the signal's reason. */
export type FetchMedia = (url: string, signal: AbortSignal) => Promise<FetchedMedia>

/** What was downloaded. */
export interface FetchedMedia {
  readonly bytes: Uint8Array
  /** In lower case and without parameters. */
  readonly mimeType: string
}

/** Puts the bytes of media in the place of their URLs, where the host takes nothing else. Without `fetchMedia` it refuses. */
export function withFetchedMedia(ask: Ask, dialect: Dialect, fetchMedia: FetchMedia | undefined): Ask {
  const onlyData = dialect.mediaOnlyData ?? []
  if (onlyData.length === 0) return ask

  function wanted(input: GivenInput, media: Media): string | undefined {
    const form = mediaForm(dialect, mediaType(media))
    // The host's own URL of a file that it has: nobody else can fetch it.
    if (namesCopy(input, media)) return undefined
    if (media.source.case !== 'url' || form === undefined || !onlyData.includes(form)) return undefined
    // Bytes in a URL need no download.
    return media.source.value
  }

  async function fetched(input: AttemptInput, media: Media, url: string, field: string): Promise<Part> {
    const inline = dataOf(url)
    if (inline === undefined && fetchMedia === undefined) {
      const why = `${input.model.provider} does not read URLs: send the bytes in data`
      throw unsupported(input, field, why)
    }
    const { bytes, mimeType } =
      inline ?? (await named(field, input.signal, fetchMedia?.(url, input.signal))) ?? NOTHING
    const known = mimeType === '' || mimeType === UNKNOWN_TYPE ? mediaType(media) : mimeType
    const source = { case: 'data', value: bytes } as const
    const { filename, detail } = media
    const value = create(MediaSchema, { filename, detail, mimeType: known, source })
    return create(PartSchema, { kind: { case: 'media', value } })
  }

  async function message(input: AttemptInput, given: Message, path: string): Promise<Message> {
    const hits = given.content.map(({ kind }) =>
      kind.case === 'media' ? wanted(input, kind.value) : undefined,
    )
    if (hits.every(url => url === undefined)) return given
    // One that fails ends the others: nobody waits for them any more.
    const ending = new AbortController()
    const all = { ...input, signal: AbortSignal.any([input.signal, ending.signal]) }
    const content = await Promise.all(
      given.content.map((part, index) => {
        const url = hits[index]
        if (url === undefined || part.kind.case !== 'media') return part
        return fetched(all, part.kind.value, url, `${path}.content[${index}]`)
      }),
    ).finally(() => ending.abort(new GatewayError('CANCELLED', 'another download has failed')))
    return create(MessageSchema, { role: given.role, partial: given.partial, content })
  }

  return async function* askWithBytes(input): Deltas {
    const kept = input.messages.length - input.request.messages.length
    const messages: Message[] = []
    // One message after the other: all media of a long chat at once would be many connections.
    for (const [index, given] of input.messages.entries()) {
      const path = index < kept ? `conversation[${index}]` : `messages[${index - Math.max(0, kept)}]`
      messages.push(await message(input, given, path))
    }
    yield* ask({ ...input, messages })
  }
}

/** Whoever sends several URLs must learn which one is meant. */
async function named<T>(
  field: string,
  signal: AbortSignal,
  fetching: Promise<T> | undefined,
): Promise<T | undefined> {
  try {
    return await fetching
  } catch (error) {
    // What ends the attempt from outside is told as it is.
    if (!(error instanceof GatewayError) || error === signal.reason) throw error
    // What a caller's own server does says nothing about the provider.
    throw new GatewayError(error.reason, `${field}: ${error.message}`, {
      ...error.details,
      against: 'nobody',
    })
  }
}

const UNKNOWN_TYPE = 'application/octet-stream'
const NOTHING: FetchedMedia = { bytes: new Uint8Array(), mimeType: '' }

function dataOf(url: string): FetchedMedia | undefined {
  const [, mimeType = '', base64 = ''] = /^data:([^;,]*);base64,(.*)$/s.exec(url) ?? []
  return base64 === ''
    ? undefined
    : { bytes: Buffer.from(base64, 'base64'), mimeType: mimeType.toLowerCase() }
}
