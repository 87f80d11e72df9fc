// From a settlement to the lines of the ledger, as plain values that can be sent between threads.
import type { LedgerLine, Settlement } from '../../core/settlement.ts'
import { costJson } from './cost-json.ts'
import { type Value, wholeMs } from './driver.ts'

/** A row of the ledger. */
export interface LedgerRow {
  /** In the order of the table's columns, the id first: an array takes a third of what an object takes to another thread. */
  readonly columns: readonly Value[]
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
    ...(last?.keyLabel === undefined ? {} : { keyLabel: last.keyLabel }),
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
    columns: [
      id,
      responseId,
      requestId,
      caller.tenant,
      caller.subject,
      turn?.conversationId ?? null,
      requestedModel,
      provider,
      model,
      keyLabel,
      outcome.type,
      outcome.type === 'completed' ? '' : outcome.reason,
      usage?.inputTokens ?? 0,
      usage?.cachedInputTokens ?? 0,
      usage?.cacheWriteTokens ?? 0,
      usage?.outputTokens ?? 0,
      usage?.reasoningTokens ?? 0,
      usage?.provenance ?? 0,
      cost?.known === true ? cost.nanoUsd : 0n,
      // What used nothing cost nothing, and that is known.
      (cost?.known ?? usage === undefined) ? 1 : 0,
      cost?.priceVersion ?? '',
      cost === undefined ? null : costJson(cost),
      wholeMs(startedAt),
      wholeMs(startedAt + durationMs),
    ],
    cause: cause === undefined || cause === 'first' ? '' : cause,
  }
}
