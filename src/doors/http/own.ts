// The fields of ours that other APIs have no name for: one object `exai` in the body, in the words of the contract.
import { fromJson, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type CompleteRequest,
  CompleteRequestSchema,
  type CompleteResponseSchema,
} from '#gen/exai/v1/chat_service_pb'
import type { Fields } from './fields.ts'
import { unsupportedField, wrongField } from './refusal.ts'

/** What may stand in `exai`. */
const NAMES = [
  'routing',
  'conversation_id',
  'resume_window',
  'idempotency_key',
  'strict',
  'web_search',
  'provider_options',
] as const

/** What a request says in words of ours. */
export type OwnFields = Pick<
  CompleteRequest,
  | 'routing'
  | 'conversationId'
  | 'resumeWindow'
  | 'idempotencyKey'
  | 'strict'
  | 'webSearch'
  | 'providerOptions'
>

/** What is read of an `exai` that says nothing. */
function nothing(): OwnFields {
  return { conversationId: '', idempotencyKey: '', strict: false, providerOptions: {} }
}

/** Reads `exai`. Throws what the client is to be told. */
export function ownFields(fields: Fields): OwnFields {
  const said = fields.object('exai')
  if (said === undefined) return nothing()
  const own = said.rest()
  const stranger = Object.keys(own).find(name => !NAMES.some(known => known === name))
  if (stranger !== undefined)
    throw unsupportedField(`exai.${stranger.slice(0, 64)}`, `is not known: there are ${NAMES.join(', ')}`)
  try {
    // Only these: what has the name of a message is taken for a whole one, and not completed any more.
    const { conversationId, idempotencyKey, strict, providerOptions, ...rest } = fromJson(
      CompleteRequestSchema,
      own,
    )
    const { routing, resumeWindow, webSearch } = rest
    return {
      conversationId,
      idempotencyKey,
      strict,
      providerOptions,
      ...(routing === undefined ? {} : { routing }),
      ...(resumeWindow === undefined ? {} : { resumeWindow }),
      ...(webSearch === undefined ? {} : { webSearch }),
    }
  } catch (error) {
    throw wrongField('exai', `cannot be read: ${error instanceof Error ? error.message : 'it is malformed'}`)
  }
}

/** What an answer says that other APIs have no field for, as `exai` in it. */
export function ownAnswer(
  answer: Pick<
    MessageInitShape<typeof CompleteResponseSchema>,
    'provider' | 'cost' | 'warnings' | 'conversationId' | 'replayed'
  >,
  notes: readonly string[],
): Record<string, unknown> {
  const { provider = '', cost, conversationId = '', replayed = false } = answer
  const warnings = [...notes, ...(answer.warnings ?? []).map(({ message = '' }) => message)]
  return {
    provider,
    // As everywhere in the contract, money is a string; a cost that is not known is null.
    cost_nano_usd: cost?.known === true ? String(cost.nanoUsd ?? 0n) : null,
    ...(conversationId === '' ? {} : { conversation_id: conversationId }),
    ...(replayed ? { replayed } : {}),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}
