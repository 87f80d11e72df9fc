// What one attempt of a call costs: each of its requests by its own size, at the tier of service that served it.
import { create } from '@bufbuild/protobuf'
import type { CompleteRequest } from '#gen/exai/v1/chat_service_pb'
import { type Cost, CostLineSchema, CostSchema, type Usage } from '#gen/exai/v1/usage_pb'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Attempt } from '../routing/attempt.ts'

/** The call that an attempt belongs to. */
interface Priced {
  readonly request: CompleteRequest
  /** The configuration that the call began with: its prices count. */
  readonly routing: { readonly catalogue: Catalogue }
}

/** Prices what an attempt used, line by line, each with its cause. */
export function costOfAttempt(attempt: Attempt, usage: Usage, { request, routing }: Priced): Cost {
  const { candidate, cause } = attempt
  const by = { provider: candidate.provider.id, model: candidate.model.id, cause }
  const counts = attempt.counts()
  // What is known request by request is priced so, unless text that came after it was counted here.
  const isWhole = usage.outputTokens === counts?.outputTokens
  const { nanoUsd, known, lines, priceVersion } = routing.catalogue.cost(candidate.model, {
    ...usage,
    serviceTier: attempt.serviceTier() ?? tierAsked(attempt, request),
    searches: counts?.searches,
    ...(isWhole ? { cause: counts.cause, parts: counts.parts } : {}),
  })
  return create(CostSchema, {
    nanoUsd,
    known,
    priceVersion: known ? priceVersion : '',
    lines: lines.map(line => create(CostLineSchema, { ...by, ...line })),
  })
}

/** The tier of service that was asked for, unless the provider takes none. */
function tierAsked({ warnings }: Attempt, { serviceTier }: CompleteRequest): string | undefined {
  return warnings.some(({ field }) => field === 'service_tier') ? undefined : serviceTier
}
