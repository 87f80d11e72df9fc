// The embeddings service: its one RPC hands the message to the embedding, and its many numbers back without looking at each.
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import {
  type Embedding,
  EmbeddingSchema,
  type EmbeddingsService,
  type EmbedRequest,
  type EmbedResponseSchema,
} from '#gen/exai/v1/embeddings_service_pb'
import type { Call } from '../../core/call.ts'
import { GatewayError } from '../../core/errors.ts'
import { exchangeOf } from './served.ts'

type ResponseInit = MessageInitShape<typeof EmbedResponseSchema>
type EmbeddingInit = MessageInitShape<typeof EmbeddingSchema>

/** What the door needs of the embedding. It throws GatewayError, and ends when the call's signal aborts. */
export interface Embeddings {
  embed(call: Call, request: EmbedRequest): Promise<ResponseInit>
}

/** Most numbers of an answer in JSON: each takes some 21 bytes there, and all of them are written at one go. */
const JSON_NUMBERS_MAX = 3_000_000

/** The RPC of the embeddings service. */
export function embeddingsService(embeddings: Embeddings): ServiceImpl<typeof EmbeddingsService> {
  return {
    async embed(request, context) {
      const answer = await embeddings.embed(exchangeOf(context), request)
      const vectors = answer.embeddings ?? []
      if (!isJson(context)) return { ...answer, embeddings: vectors.map(packed) }
      const count = vectors.reduce((sum, { values = [] }) => sum + values.length, 0)
      if (count > JSON_NUMBERS_MAX)
        throw new GatewayError(
          'OVERLOADED',
          `the vectors have ${count} numbers, and JSON takes ${JSON_NUMBERS_MAX}: send fewer inputs at once, or ask in the binary form`,
        )
      return answer
    },
  }
}

function isJson({ requestHeader }: HandlerContext): boolean {
  return /[/+]json\b/.test(requestHeader.get('content-type') ?? '')
}

/**
 * The same vector with its numbers as they are written, in a field that the codec passes on: it would look at each of some
 * million numbers, and nobody else is served meanwhile.
 */
function packed({ index = 0, values = [] }: EmbeddingInit): Embedding {
  const bytes = Buffer.from(new Float32Array(values).buffer)
  // The wire is little-endian (https://protobuf.dev/programming-guides/encoding/#non-varint-numbers).
  if (isBigEndian) bytes.swap32()
  const embedding = create(EmbeddingSchema, { index })
  embedding.$unknown = [
    {
      no: EmbeddingSchema.field.values.number,
      wireType: WireType.LengthDelimited,
      data: new BinaryWriter().bytes(bytes).finish(),
    },
  ]
  return embedding
}

const isBigEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0
