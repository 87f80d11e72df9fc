// POST /v1/embeddings.
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type EmbedRequest,
  EmbedRequestSchema,
  type EmbedResponseSchema,
} from '#gen/exai/v1/embeddings_service_pb'
import { createFields, type Fields } from '../http/fields.ts'
import { ownAnswer, ownFields } from '../http/own.ts'
import { unsupportedField, wrongField } from '../http/refusal.ts'
import { withRest } from '../http/rest.ts'
import type { Route } from '../http/route.ts'
import type { Services } from '../services.ts'

type Answer = MessageInitShape<typeof EmbedResponseSchema>

/** The route of embeddings. */
export function embeddingRoutes({ embeddings }: Pick<Services, 'embeddings'>): readonly Route[] {
  return [
    {
      verb: 'POST',
      path: '/v1/embeddings',
      rpc: 'exai.v1.EmbeddingsService/Embed',
      handle: async call => {
        const { request, isBase64 } = embedRequest(await call.json())
        const answer = await embeddings.embed(call.exchange, request)
        const { inputTokens = 0 } = answer.usage ?? {}
        const rest = {
          model: answer.model ?? '',
          usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
          exai: ownAnswer(answer, []),
        }
        return {
          type: 'bytes',
          headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
          chunks: jsonOf(answer.embeddings ?? [], isBase64, rest),
        }
      },
    },
  ]
}

/** How much text is gathered before it is written, in characters. */
const PIECE_CHARACTERS = 64 * 1024

/**
 * The answer, vector by vector at the pace of its reader: eight million numbers in one text would take some 300 MB, and all
 * others would wait for it.
 */
async function* jsonOf(
  vectors: NonNullable<Answer['embeddings']>,
  isBase64: boolean,
  rest: Readonly<Record<string, unknown>>,
): AsyncGenerator<Uint8Array> {
  let text = '{"object":"list","data":['
  for (const [at, { index = 0, values = [] }] of vectors.entries()) {
    const embedding = isBase64 ? base64Of(values) : values
    text += `${at === 0 ? '' : ','}${JSON.stringify({ object: 'embedding', index, embedding })}`
    if (text.length < PIECE_CHARACTERS) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(`${text}],${JSON.stringify(rest).slice(1)}\n`)
}

/** Understands a body. Throws what the client is to be told. */
function embedRequest(body: JsonObject): { readonly request: EmbedRequest; readonly isBase64: boolean } {
  const fields = createFields(body)
  const format = fields.text('encoding_format') ?? 'float'
  if (format !== 'float' && format !== 'base64')
    throw wrongField('encoding_format', 'must be float or base64')
  const dimensions = fields.whole('dimensions')
  refuseOthers(fields)
  const { providerOptions, strict } = ownFields(fields)
  const request = create(EmbedRequestSchema, {
    model: fields.needText('model'),
    inputs: [...inputsOf(fields)],
    ...(dimensions === undefined ? {} : { dimensions }),
    user: fields.text('user') ?? '',
    strict,
  })
  request.providerOptions = withRest(providerOptions, fields.rest())
  return { request, isBase64: format === 'base64' }
}

const OWN: readonly string[] = ['provider_options', 'strict']

/** What says who may be asked must not be passed over in silence. */
function refuseOthers(fields: Fields): void {
  const other = Object.keys(fields.object('exai')?.rest() ?? {}).find(name => !OWN.includes(name))
  if (other !== undefined)
    throw unsupportedField(`exai.${other.slice(0, 64)}`, `is not for embeddings: there are ${OWN.join(', ')}`)
}

function inputsOf(fields: Fields): readonly string[] {
  const input = fields.raw('input')
  if (input === undefined) throw wrongField('input', 'is required')
  const inputs = Array.isArray(input) ? input : [input]
  return inputs.map((text, index) => {
    if (typeof text === 'string') return text
    if (typeof text === 'number' || Array.isArray(text))
      throw unsupportedField('input', 'must be text: the tokens of one model mean nothing to another')
    throw wrongField(`input[${index}]`, 'must be a string')
  })
}

/** Numbers of four bytes each, the lowest byte first: the SDKs ask for it unless they are told otherwise. */
function base64Of(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4)
  return bytes.toString('base64')
}
