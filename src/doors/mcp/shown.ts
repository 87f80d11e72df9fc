// Messages of the contract as tools show them: their JSON with the field names of the contract, and lines for people.
import { type DescMessage, type JsonObject, type MessageShape, toJson } from '@bufbuild/protobuf'
import { z } from 'zod'
import type { Cost, Usage } from '#gen/exai/v1/usage_pb'

/** The shape of a message of the contract: it may grow. */
export const messageSchema = z.looseObject({})

/** The tokens of a call. */
export const usageSchema = z.object({
  input_tokens: z.int(),
  cached_input_tokens: z.int(),
  output_tokens: z.int(),
  reasoning_tokens: z.int(),
  provenance: z.enum(['REPORTED', 'PARTIAL', 'ESTIMATED', 'UNSPECIFIED']),
})

/** What a call costs. */
export const costSchema = z.object({
  known: z.boolean().describe('false: the price is not known, which is not the same as free'),
  nano_usd: z.string().describe('billionths of a US dollar'),
  price_version: z.string(),
})

/** The JSON of a message, with the field names of the contract; numbers of 64 bits are strings. */
export function jsonOf<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonObject {
  const json = toJson(schema, message, { useProtoFieldName: true, alwaysEmitImplicit: true })
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {}
}

const PROVENANCES = ['UNSPECIFIED', 'REPORTED', 'PARTIAL', 'ESTIMATED'] as const

/** The tokens of a call as tools show them. */
export function usageOf(usage: Usage | undefined): z.output<typeof usageSchema> {
  return {
    input_tokens: usage?.inputTokens ?? 0,
    cached_input_tokens: usage?.cachedInputTokens ?? 0,
    output_tokens: usage?.outputTokens ?? 0,
    reasoning_tokens: usage?.reasoningTokens ?? 0,
    provenance: PROVENANCES[usage?.provenance ?? 0] ?? 'UNSPECIFIED',
  }
}

/** What a call costs, as tools show it. */
export function costOf(cost: Cost | undefined): z.output<typeof costSchema> {
  return {
    known: cost?.known ?? false,
    nano_usd: String(cost?.nanoUsd ?? 0n),
    price_version: cost?.priceVersion ?? '',
  }
}

/** An amount of money for people, such as `$0.000123`. */
export function dollars(nanoUsd: bigint): string {
  const digits = nanoUsd.toString().padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0+$/, '').padEnd(2, '0')
  return `$${digits.slice(0, -9)}.${fraction}`
}

/** Where a file or a conversation is found among the resources. */
export function uriOf(kind: 'files' | 'conversations', id: string): string {
  return `exai://${kind}/${id}`
}
