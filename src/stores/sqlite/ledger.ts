// From a settlement to the lines of the ledger, as plain values that can be sent between threads.
import { toJsonString } from '@bufbuild/protobuf'
import { CostSchema } from '#gen/exai/v1/usage_pb'
import type { LedgerLine, Settlement } from '../../core/settlement.ts'
import { wholeMs } from './driver.ts'

/** A row of the ledger. */
export interface LedgerRow {
  readonly id: string
  readonly responseId: string
  readonly requestId: string
  readonly tenant: string
  readonly subject: string
  readonly conversationId: string | null
  readonly requestedModel: string
  readonly provider: string
  readonly model: string
  readonly keyLabel: string
  readonly outcome: string
  readonly reason: string
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly cacheWriteTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly provenance: number
  readonly nanoUsd: bigint
  readonly costKnown: number
  readonly priceVersion: string
  readonly cost: string | null
  readonly startedAt: number
  readonly endedAt: number
  /** Why the attempt was made; empty for the first one, and when nobody was asked. */
  readonly cause: string
}

/** The rows of a settlement: one for each line, and one for a call that used nothing, because it is a call all the same. */
export function ledgerRows(settlement: Settlement): readonly LedgerRow[] {
  const lines = settlement.ledger ?? []
  return (lines.length > 0 ? lines : [onlyLine(settlement)]).map(line => rowOf(line, settlement))
}

function onlyLine({ responseId, answeredBy, attempts, usage, cost }: Settlement): LedgerLine {
  const last = attempts.at(-1)
  return {
    // The UUID of the answer: the line is the only one that it has.
    id: responseId.slice(responseId.indexOf('_') + 1),
    provider: answeredBy?.provider ?? last?.provider ?? '',
    model: answeredBy?.model ?? last?.model ?? '',
    ...(last === undefined ? {} : { keyLabel: last.keyLabel }),
    ...(usage === undefined ? {} : { usage }),
    ...(cost === undefined ? {} : { cost }),
  }
}

function rowOf(
  { id, provider, model, keyLabel = '', usage, cost, cause }: LedgerLine,
  settlement: Settlement,
): LedgerRow {
  const { responseId, requestId, caller, requestedModel, outcome, turn, startedAt, durationMs } = settlement
  return {
    id,
    responseId,
    requestId,
    tenant: caller.tenant,
    subject: caller.subject,
    conversationId: turn?.conversationId ?? null,
    requestedModel,
    provider,
    model,
    keyLabel,
    outcome: outcome.type,
    reason: outcome.type === 'completed' ? '' : outcome.reason,
    inputTokens: usage?.inputTokens ?? 0,
    cachedInputTokens: usage?.cachedInputTokens ?? 0,
    cacheWriteTokens: usage?.cacheWriteTokens ?? 0,
    outputTokens: usage?.outputTokens ?? 0,
    reasoningTokens: usage?.reasoningTokens ?? 0,
    provenance: usage?.provenance ?? 0,
    nanoUsd: cost?.known === true ? cost.nanoUsd : 0n,
    // What used nothing cost nothing, and that is known.
    costKnown: (cost?.known ?? usage === undefined) ? 1 : 0,
    priceVersion: cost?.priceVersion ?? '',
    cost: cost === undefined ? null : toJsonString(CostSchema, cost),
    startedAt: wholeMs(startedAt),
    endedAt: wholeMs(startedAt + durationMs),
    cause: cause === undefined || cause === 'first' ? '' : cause,
  }
}
